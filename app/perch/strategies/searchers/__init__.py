"""Where configurations come from, a file for each searcher."""
