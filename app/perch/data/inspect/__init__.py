"""What `perch data inspect` says of a source."""
