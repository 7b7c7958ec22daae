"""A run in motion: what is placed, judged, saved and dropped, and why. No Ray, torch or files."""
