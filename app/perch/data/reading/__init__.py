"""How structures and energies are read, whatever the source."""
