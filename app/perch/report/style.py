"""How figures look: one ink that follows the page's colour, and a palette that colour-blind readers can tell apart."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

INK: Final = "#22272e"
"""Text, axes and neutral lines. In the page it is replaced by the text colour, so that figures read in the dark."""

BLUE, ORANGE, GREEN, SKY = "#0077bb", "#e69f00", "#009e73", "#56b4e9"
VERMILLION, PURPLE, GREY = "#d55e00", "#cc79a7", "#8b929b"
"""Okabe and Ito's colours (blue a little lighter, to stand out on black too)."""

FATE_COLOURS: Final = {
    "completed": BLUE,
    "stopped": GREY,
    "collapsed": PURPLE,
    "diverged": VERMILLION,
    "failed": "#a0522d",
    "paused": SKY,
    "running": ORANGE,
    "interrupted": "#b8a13a",
}
SPLIT_COLOURS: Final = {"train": GREY, "validation": SKY, "test": VERMILLION}

SETTINGS: Final[dict[str, Any]] = {
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "savefig.dpi": 150,
    "figure.dpi": 100,
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": INK,
    "grid.alpha": 0.13,
    "grid.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
}


@contextmanager
def styled(name: str) -> Iterator[None]:
    """Draw with the report's settings; ``name`` makes the identifiers inside an SVG its own, and stable."""
    import matplotlib as mpl

    with mpl.rc_context({**SETTINGS, "svg.hashsalt": name}):
        yield


def canvas(width: float = 7.2, height: float = 3.8, **subplots: Any) -> tuple[Any, Any]:
    """A new figure (inches) and its axes, without pyplot: no window system, no global state."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(**subplots)


def inline_svg(figure: Any, name: str, description: str) -> str:
    """The figure as SVG to stand in a page: scales with it, takes its text colour, and says what it shows."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\sid="|href="#|url\(#)', lambda m: f"{m[1]}{name}-", svg)
    svg = svg.replace(INK, "currentColor")
    svg = re.sub(r'<svg ([^>]*?)width="[^"]*"', r"<svg \1", svg, count=1)
    svg = re.sub(r'<svg ([^>]*?)height="[^"]*"', r"<svg \1", svg, count=1)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{_attribute(description)}" ', 1)


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
