"""A first study: what is asked, what is written, and the check that it would run."""
