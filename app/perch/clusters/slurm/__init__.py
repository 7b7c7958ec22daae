"""The Slurm launcher: scripts, submission, status, recovery."""
