"""How figures look: one ink that follows the page's colour, and a palette that colour-blind readers can tell apart."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

INK: Final = "#22272e"
"""Text, axes and neutral lines. In the page it is replaced by the text colour, so that figures read in the dark."""

BLUE, ORANGE, GREEN, SKY = "#1a84c7", "#e69f00", "#009e73", "#56b4e9"
VERMILLION, PURPLE, GREY = "#d55e00", "#cc79a7", "#8b929b"
"""Okabe and Ito's colours (blue a little lighter, to stand out on black too)."""

FATE_COLOURS: Final = {
    "completed": BLUE,
    "stopped": GREY,
    "collapsed": PURPLE,
    "diverged": VERMILLION,
    "failed": "#a0522d",
    "infeasible": "#4d4d4d",
    "paused": SKY,
    "running": ORANGE,
    "interrupted": "#b8a13a",
}
SPLIT_COLOURS: Final = {"train": GREY, "validation": SKY, "test": VERMILLION}

SCALE: Final = ("#f2a93b", "#e0637a", "#9a55d4", "#4f6bed")
"""From few epochs to many, and from bad values to good ones; seen on white and on black paper, and told apart in greys."""

REM_PER_INCH: Final = 7.5
"""Width of a figure in the page: text then has the size of the page's captions."""

SETTINGS: Final[dict[str, Any]] = {
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "savefig.dpi": 150,
    "figure.dpi": 100,
    "figure.autolayout": False,
    "figure.constrained_layout.use": False,
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


def colour_scale(*, turned: bool = False) -> Any:
    """``SCALE`` as matplotlib's colour map; ``turned``: the other way round."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("perch", SCALE[::-1] if turned else SCALE)


def plain_log(axis: Any, *, ticks: int = 9, dense: bool = True) -> None:
    """Plain numbers on a logarithmic axis: 0.2, 0.5, 1 (``dense`` False: 0.1, 1), and not powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if dense else (1,), numticks=ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def log_if_wide(axes: Any, low: float, high: float) -> bool:
    """A logarithmic vertical axis where positive values span more than a factor of three; whether it is one now.

    On a linear one the first epochs' errors flatten everything that matters.
    """
    wide = low > 0 and high > 3 * low
    if wide:
        axes.set_yscale("log")
        plain_log(axes.yaxis)
    return bool(wide)


def svg_of(figure: Any) -> str:
    """The figure as SVG, without a date, so that equal figures give equal files."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    return re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)


def file_svg(svg: str, description: str) -> str:
    """An SVG that stands alone, on white paper."""
    return svg.replace("<svg ", f'<svg style="background:white" role="img" aria-label="{_attribute(description)}" ', 1)


def inline_svg(svg: str, name: str, description: str) -> str:
    """An SVG to stand in a page: takes its width and text colour, has identifiers of its own, and says what it shows."""
    svg = re.sub(r'(\sid="|href="#|url\(#)', lambda m: f"{m[1]}{name}-", svg)
    svg = svg.replace(INK, "currentColor")
    size = re.search(r'<svg [^>]*?width="([\d.]+)pt"', svg)
    width_rem = float(size[1]) / 72 * REM_PER_INCH if size else 54.0
    svg = re.sub(r'(<svg [^>]*?)width="[^"]*"', rf'\1style="max-width:{width_rem:.1f}rem"', svg, count=1)
    svg = re.sub(r'(<svg [^>]*?)height="[^"]*"', r"\1", svg, count=1)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{_attribute(description)}" ', 1)


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
