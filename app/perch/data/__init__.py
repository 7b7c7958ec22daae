"""From structures to graphs with targets, splits and baselines."""
