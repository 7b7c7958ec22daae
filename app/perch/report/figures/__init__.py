"""The report's figures, one file each; every module registers its own."""
