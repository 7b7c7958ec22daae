"""Training programs as trials: a command in an environment of its own, tuned as it is."""
