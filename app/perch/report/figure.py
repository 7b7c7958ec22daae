"""What a figure is, of a run's report or of a comparison: a table, a drawing of it, and a sentence that says what it shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import pandas as pd

from perch.errors import RecordError
from perch.registry import Registry
from perch.report.report_data import ReportData

T = TypeVar("T")


class Missing(Exception):
    """A run has not (yet) left what a figure needs; the message is shown in its place."""


@dataclass(frozen=True)
class Figure(Generic[T]):
    """One figure, made of a ``T``: the data of a run's report, or a comparison.

    ``table`` makes the data (they are written next to the picture as CSV); a report's raises ``Missing`` with the reason
    where there are none, a comparison's is empty. ``draw`` makes a matplotlib figure of them. ``describe`` is the
    alternative text: what a reader who cannot see the picture needs to know, with numbers. ``order`` is its place on the page.
    ``caption`` may depend on what is shown. ``warn`` says what a reader must know before believing the picture, "" where nothing.
    """

    title: str
    order: int
    caption: str | Callable[[T], str]
    table: Callable[[T], pd.DataFrame]
    draw: Callable[[T, pd.DataFrame], Any]
    describe: Callable[[T, pd.DataFrame], str]
    warn: Callable[[T, pd.DataFrame], str] | None = None

    def caption_of(self, given: T) -> str:
        """The caption under the picture."""
        return self.caption if isinstance(self.caption, str) else self.caption(given)


class Figures(Registry[Figure[T]], Generic[T]):
    """The figures of one kind of page. Adding one is adding a file to the package that registers it."""

    def __init__(self, package: str) -> None:
        super().__init__("figure", package, RecordError)

    def ordered(self) -> list[tuple[str, Figure[T]]]:
        """All figures with their names, in the order of the page."""
        return sorted(self.items(), key=lambda item: item[1].order)


FIGURES: Final[Figures[ReportData]] = Figures("perch.report.figures")
