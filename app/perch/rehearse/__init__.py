"""Strategies rehearsed in simulated time on recorded learning curves."""
