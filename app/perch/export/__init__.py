"""A run in the form of other tools: an Optuna study, an MLflow experiment, plain CSV."""
