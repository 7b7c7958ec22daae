"""The ask/tell protocol, and a file for each strategy."""
