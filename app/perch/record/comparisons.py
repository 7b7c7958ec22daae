"""Whether tuning was worth it: the winner against the starting point, the second best and the baselines, in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from perch.paired import Difference, against_constant, difference
from perch.record.tables import Tables
from perch.record.winner import values_of
from perch.vocabulary import TEST_MAE_EV, VALIDATION_MAE_EV

BETTER, WORSE, TIE, OPEN, SAME = "better", "worse", "tie", "open", "same"
"""What a comparison says. A tie: the 95 % interval holds zero; open: there is none, since nothing is repeated; same: the
winner is the starting point."""

SECOND: Final = "second best"
START: Final = "starting point"


def comparisons(tables: Tables, standing: Sequence[dict[str, Any]], metric: str) -> list[dict[str, Any]]:
    """``with, better_by, low, high, seeds, says`` of each, in the metric's unit; ``better_by`` is above zero where the
    winner is better. ``test``: the same of the test MAE in eV, which nothing was chosen by. Empty without fresh seeds.
    """
    if not standing:
        return []
    first = standing[0]["trial_id"]
    start = tables.start if any(entry["trial_id"] == tables.start for entry in standing) else None
    out: list[dict[str, Any]] = []
    if start == first:
        out.append({**_entry(START, first, None), "says": SAME})
    elif start is not None:
        out.append(_paired(tables, standing, START, first, start))
    second = next((e["trial_id"] for e in standing[1:] if not e["failed"]), None)
    if second is not None and second != start:
        out.append(_paired(tables, standing, SECOND, first, second))
    return out + _baselines(tables, standing, metric)


def _paired(tables: Tables, standing: Sequence[dict[str, Any]], kind: str, first: str, other: str) -> dict[str, Any]:
    entry = _entry(kind, other, difference(values_of(tables, standing), first, other))
    test = difference(values_of(tables, standing, TEST_MAE_EV), first, other)
    return {**entry, "test": None if test is None else _numbers(test)}


def _baselines(tables: Tables, standing: Sequence[dict[str, Any]], metric: str) -> list[dict[str, Any]]:
    """Against baselines, which are errors in eV of the validation set without chance of their own."""
    if metric != VALIDATION_MAE_EV:
        return []
    first = standing[0]["trial_id"]
    ours = list(values_of(tables, standing, VALIDATION_MAE_EV)[first].values())
    tested = list(values_of(tables, standing, TEST_MAE_EV).get(first, {}).values())
    tests = (tables.attempts[-1].get("baselines_test") or {}) if tables.attempts else {}
    out = []
    for name, value in tables.baselines.items():
        if value is not None:
            test = tests.get(name)
            against = None if test is None or not tested else _numbers(against_constant(tested, test))
            out.append({**_entry(name, None, against_constant(ours, value)), "value": value, "test": against})
    return out


def _entry(kind: str, trial: str | None, found: Difference | None) -> dict[str, Any]:
    numbers = {"better_by": None, "low": None, "high": None, "seeds": 0} if found is None else _numbers(found)
    return {"with": kind, "trial_id": trial, **numbers, "says": says(found)}


def _numbers(found: Difference) -> dict[str, Any]:
    low, high = found.interval or (None, None)
    return {"better_by": found.mean, "low": low, "high": high, "seeds": found.seeds}


def says(found: Difference | None) -> str:
    """The verdict on a difference."""
    if found is None or (interval := found.interval) is None:
        return OPEN
    if interval[0] > 0:
        return BETTER
    return WORSE if interval[1] < 0 else TIE
