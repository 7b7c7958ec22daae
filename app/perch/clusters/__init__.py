"""Places to run beside this machine."""
