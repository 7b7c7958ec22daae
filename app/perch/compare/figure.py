"""What the figures of a comparison are made of, and how they are written: pictures, each with its data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from perch.compare.runs.gather import Comparison
from perch.compare.statistics.analysis import Analysis
from perch.report.figure import Figures
from perch.report.hover import spots
from perch.report.overview.comparison import INDEX
from perch.report.strategy_colours import strategy_colours
from perch.report.style import styled

MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X")
"""Strategies differ by marker too: colours alone are no help to everyone."""


@dataclass(frozen=True)
class Scene:
    """A comparison with its statistics: what figures are made of."""

    comparison: Comparison
    analysis: Analysis

    def colour(self, strategy: str) -> str:
        """The strategy's colour, here and in every other figure."""
        return strategy_colours(self.comparison.strategies)[strategy]

    def marker(self, strategy: str) -> str:
        """A marker of its own for each strategy."""
        return MARKERS[self.comparison.strategies.index(strategy) % len(MARKERS)]


FIGURES: Final[Figures[Scene]] = Figures("perch.compare.figures")


def write_figures(scene: Scene, folder: Path, formats: Sequence[str] = ("png", "svg")) -> list[Path]:
    """Every figure that has data, as pictures and CSV. Returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    index: list[dict[str, Any]] = []
    for name, figure in FIGURES.ordered():
        table = figure.table(scene)
        if table.empty:
            continue
        entry: dict[str, Any] = {"name": name, "title": figure.title, "caption": figure.caption_of(scene)}
        index.append(entry)
        table.to_csv(folder / f"{name}.csv", index=False)
        with styled(name):
            drawn = figure.draw(scene, table)
            for form in sorted(formats, key=lambda form: form != "svg"):
                if form != "svg":  # an SVG stands in a page, which has the title
                    _head(drawn, figure.title, scene)
                metadata = {"Date": None} if form == "svg" else None
                drawn.savefig(
                    folder / f"{name}.{form}", metadata=metadata, facecolor="white" if form == "png" else "none"
                )
                if form == "svg":
                    entry["spots"] = spots(drawn)
        (folder / f"{name}.txt").write_text(figure.describe(scene, table) + "\n", encoding="utf-8")
        written += [folder / f"{name}.{form}" for form in (*formats, "csv", "txt")]
    (folder / INDEX).write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
    return written


def _head(drawn: Any, title: str, scene: Scene) -> None:
    drawn.suptitle(title + ("" if scene.comparison.collapsed else " (without collapsed trials)"), fontsize=11)
