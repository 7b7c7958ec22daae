"""The life of `perch run`, from the study file to the last line."""
