"""The figures of a comparison, one file each; every module registers its own."""
