"""What a reader can ask of the page: its trials, decisions and confirmations as data for its scripts."""
