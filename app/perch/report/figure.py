"""What a figure of the report is: a table, a drawing of it, and a sentence that says what it shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from perch.errors import RecordError
from perch.registry import Registry
from perch.report.report_data import ReportData


class Missing(Exception):
    """A run has not (yet) left what a figure needs; the message is shown in its place."""


@dataclass(frozen=True)
class Figure:
    """One figure. Adding one is adding a file to ``perch/report/figures`` that registers it.

    ``table`` makes the data (they are written beside the picture as CSV), or raises ``Missing`` with the reason.
    ``draw`` makes a matplotlib figure of material and table. ``describe`` is the alternative text: what a reader who
    cannot see the picture needs to know, with numbers. ``order`` is its place on the page.
    """

    title: str
    order: int
    caption: str
    table: Callable[[ReportData], pd.DataFrame]
    draw: Callable[[ReportData, pd.DataFrame], Any]
    describe: Callable[[ReportData, pd.DataFrame], str]


FIGURES: Final[Registry[Figure]] = Registry("figure", "perch.report.figures", RecordError)
