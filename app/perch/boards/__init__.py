"""TensorBoard and W&B, written from the log."""
