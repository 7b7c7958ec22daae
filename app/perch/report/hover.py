"""What can be pointed at in a drawn figure: places in the picture, each with its words. The page shows those nearest to the pointer.

Lines, scattered points and bars are read off the drawing itself, so that every figure has it without a word of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

MOST: Final = 80
"""Points kept of one line; of a longer one an even share, its ends among them."""

Spot = tuple[float, float, str]
"""Shares of the picture's width and height, from its upper left corner, and words."""


def spots(figure: Any) -> list[Spot]:
    """The places of a figure that has been drawn, those outside of its axes left out."""
    size = figure.bbox.size
    found: list[Spot] = []
    for axes in figure.axes:
        for label, data, pixels in (*_lines(axes), *_bars(axes)):
            inside = axes.bbox.padded(2).contains
            for (x, y), (left, bottom) in zip(data, pixels, strict=True):
                if np.isfinite((left, bottom)).all() and inside(left, bottom):
                    name = f"{label}, {axes.get_title()}" if axes.get_title() else label
                    words = f"{name}: {_value(axes.xaxis, x)}, {_value(axes.yaxis, y)}"
                    found.append((round(left / size[0], 4), round(1 - bottom / size[1], 4), words))
    return found


def packed(found: list[Spot]) -> str:
    """As JSON that may stand in an attribute of a page; empty where there is nothing to point at."""
    if not found:
        return ""
    return json.dumps(found, separators=(",", ":"), ensure_ascii=False)


Series = tuple[str, Any, Any]
"""Label, points in the units of the axes, and in pixels."""


def _lines(axes: Any) -> Iterator[Series]:
    """Lines and markers that have a name of their own."""
    for line in axes.lines:
        data = np.asarray(line.get_xydata(), dtype=float)
        if str(line.get_label()).startswith("_") or not len(data):
            continue
        kept = data[np.unique(np.linspace(0, len(data) - 1, min(len(data), MOST)).astype(int))]
        yield line.get_label(), kept, line.get_transform().transform(kept)


def _bars(axes: Any) -> Iterator[Series]:
    """The middle of each bar, with the bar's own length."""
    for bars in axes.containers:
        patches = [p for p in getattr(bars, "patches", ()) if p.get_width() and p.get_height()]
        if not patches or str(bars.get_label()).startswith("_"):
            continue
        lying = bars.orientation == "horizontal"
        middles = np.array([(p.get_x() + p.get_width() / 2, p.get_y() + p.get_height() / 2) for p in patches])
        data = [
            (p.get_width(), m[1]) if lying else (m[0], p.get_height()) for p, m in zip(patches, middles, strict=True)
        ]
        yield bars.get_label(), data, axes.transData.transform(middles)


def _value(axis: Any, value: float) -> str:
    """A place on an axis in words: the name at its tick where ticks have names, else its label and a number."""
    names = {
        tick: text.get_text() for tick, text in zip(axis.get_majorticklocs(), axis.get_majorticklabels(), strict=False)
    }
    near = min(names, key=lambda tick: abs(tick - value), default=None)
    if near is not None and names[near] and not _is_number(names[near]) and abs(near - value) < 0.5:
        return str(names[near])
    label = axis.get_label_text()
    return f"{label} {value:.4g}" if label else f"{value:.4g}"


def _is_number(text: str) -> bool:
    """True for what a numeric axis writes at its ticks, powers and typographic minus included."""
    return not any(letter.isalpha() for letter in text.replace("mathdefault", ""))
