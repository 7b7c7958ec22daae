"""The page above several runs, or of a comparison: what it says, shows and lists."""
