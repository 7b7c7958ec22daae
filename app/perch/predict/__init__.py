"""Energies of new structures from the weights that a run has left."""
