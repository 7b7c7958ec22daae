"""A learning-rate schedule read off a population's lineage, fitted and validated."""
