"""What trains placements: Ray Tune on a private Ray or a cluster, or this process."""
