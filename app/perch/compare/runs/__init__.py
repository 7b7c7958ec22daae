"""The runs of a comparison, one after another in one Ray."""
