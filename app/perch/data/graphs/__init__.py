"""Neighbour lists, splits and the cache of graphs."""
