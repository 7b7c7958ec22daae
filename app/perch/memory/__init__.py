"""How much memory of a GPU a configuration needs, and which hyperparameters change nothing: known before anything trains."""
