"""Reports: one self-contained page per run, and its figures as files."""

from perch.report.write import Refresher, refresh, write

__all__ = ["Refresher", "refresh", "write"]
