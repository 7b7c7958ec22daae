"""The program's numbers: new lines of its files, rows by epoch, patience."""
