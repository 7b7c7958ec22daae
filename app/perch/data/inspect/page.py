"""A description of a data set as lines of text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from perch.data.inspect.describe import Description

BASELINES = {
    "mean": "the mean of the training set",
    "mean_per_adsorbate": "the mean per adsorbate",
    "ridge_composition": "ridge regression on composition",
}


def lines(description: Description, width: int = 100) -> Iterator[str]:
    """The description, wrapped to ``width`` columns."""
    yield from _table(description.facts, width)
    if description.baselines:
        yield ""
        sides = list(description.baselines)
        yield f"{'baselines, mean absolute error in eV':38}" + "".join(f"{side:>12}" for side in sides)
        for name, text in BASELINES.items():
            values = [description.baselines[side][name] for side in sides]
            yield f"  {text:36}" + "".join("           -" if v is None else f"{v:12.3f}" for v in values)
    if description.keys:
        yield ""
        yield "keys that a target or a group may name"
        yield from _table({f"  {key}": text for key, text in description.keys.items()}, width)
    yield ""
    if not description.problems:
        yield "nothing looks wrong"
        return
    yield "what looks wrong"
    for problem in description.problems:
        first, *more = problem.splitlines()
        yield from textwrap.wrap(first, width, initial_indent="  - ", subsequent_indent="    ")
        yield from (f"    {line}" for line in more)


def _table(rows: dict[str, str], width: int) -> Iterator[str]:
    left = max((len(name) for name in rows), default=0) + 2
    for name, text in rows.items():
        yield from textwrap.wrap(
            text, max(width, left + 20), initial_indent=f"{name:{left}}", subsequent_indent=" " * left
        ) or [name]
