"""What the figures of a comparison are made of, and how they are written: pictures, each with its data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from perch.compare.runs.gather import Comparison
from perch.compare.statistics.analysis import Analysis
from perch.report.figure import Figures
from perch.report.style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION, styled

COLOURS: Final = (ORANGE, BLUE, GREEN, VERMILLION, PURPLE, SKY)
MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X")
"""Strategies differ by marker too: colours alone are no help to everyone."""


@dataclass(frozen=True)
class Scene:
    """A comparison with its statistics: what figures are made of."""

    comparison: Comparison
    analysis: Analysis

    def colour(self, strategy: str) -> str:
        """Grey for the reference, a colour for each other."""
        place = self.comparison.strategies.index(strategy)
        return GREY if place == 0 else COLOURS[(place - 1) % len(COLOURS)]

    def marker(self, strategy: str) -> str:
        """A marker of its own for each strategy."""
        return MARKERS[self.comparison.strategies.index(strategy) % len(MARKERS)]


FIGURES: Final[Figures[Scene]] = Figures("perch.compare.figures")


def write_figures(scene: Scene, folder: Path, formats: Sequence[str] = ("png", "svg")) -> list[Path]:
    """Every figure that has data, as pictures and CSV. Returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for name, figure in FIGURES.ordered():
        table = figure.table(scene)
        if table.empty:
            continue
        table.to_csv(folder / f"{name}.csv", index=False)
        with styled(name):
            drawn = figure.draw(scene, table)
            drawn.suptitle(
                figure.title + ("" if scene.comparison.collapsed else " (without collapsed trials)"), fontsize=11
            )
            for form in formats:
                metadata = {"Date": None} if form == "svg" else None
                drawn.savefig(
                    folder / f"{name}.{form}", metadata=metadata, facecolor="white" if form == "png" else "none"
                )
        (folder / f"{name}.txt").write_text(figure.describe(scene, table) + "\n", encoding="utf-8")
        written += [folder / f"{name}.{form}" for form in (*formats, "csv", "txt")]
    return written
