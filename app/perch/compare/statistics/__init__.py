"""Ratios, intervals and verdicts over paired runs."""
