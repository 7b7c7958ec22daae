"""Recorded learning curves as tables: read by kind, weighted back, drawn from, exported, and what they say of configurations that they lack."""
