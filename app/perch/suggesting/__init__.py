"""Searchers that are processes of their own."""
