"""One colour per strategy, in every figure of every comparison."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from perch.report.style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION

FIXED: Final = {
    "rs": GREY,
    "asha": ORANGE,
    "ahb": BLUE,
    "asha-bo": GREEN,
    "asha-gp": VERMILLION,
    "asha-tpe": PURPLE,
    "pbt": SKY,
}
"""Strategies that are compared most often; the others, and variants, take what these leave."""

OTHERS: Final = (SKY, PURPLE, VERMILLION, GREEN, BLUE, ORANGE, "#8d6e00", "#6a5acd", "#7a8f00", "#b35c8b", GREY)


def strategy_colours(strategies: Iterable[str]) -> dict[str, str]:
    """A colour for each name; equal names have equal colours, and different ones different colours as long as there are any."""
    names = list(dict.fromkeys(strategies))
    colours = {name: FIXED[name] for name in names if name in FIXED}
    for name in sorted(name for name in names if name not in FIXED):
        used = list(colours.values())
        colours[name] = min(OTHERS, key=lambda colour: (used.count(colour), OTHERS.index(colour)))
    return colours
