"""The user's configuration file: read, checked against the space, written anew for each trial."""
