"""Reports: one self-contained page per run, and its figures as files."""

from perch.report.write import refresh, write

__all__ = ["refresh", "write"]
