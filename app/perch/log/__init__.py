"""The log of a run: its events, the state that they add up to, requests, and the folder they lie in."""
