"""Readers of records, one file each; see ``perch.rehearse.tables.reader``."""
