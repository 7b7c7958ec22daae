"""Studies of studies: strategies compared by time-to-solution."""
