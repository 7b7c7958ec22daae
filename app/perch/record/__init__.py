"""A run's record: its tables and summary, derived from the log. Whatever happens after a run reads only this."""

from perch.record.reading import Run, load
from perch.record.tables import Tables
from perch.record.writing import write, write_summary

__all__ = ["Run", "Tables", "load", "write", "write_summary"]
