"""What runs on the nodes of a Slurm job: Ray's head and workers, and what watches them."""
