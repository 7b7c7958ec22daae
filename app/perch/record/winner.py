"""The winner of a run and what it is measured against: one set of numbers, which every place shows.

The winner is the configuration with the lowest mean over fresh seeds of full trainings, by their settled values, and its
numbers are those of these trainings, each at its best epoch by the study's metric. Where nothing was trained with fresh seeds it is the best trial of
the search that was trained to the end, with the search's numbers and no seeds.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any, Final

from perch.record.tables import Tables, TrialRow
from perch.vocabulary import TEST_MAE_EV, VALIDATION_MAE_EV

KNOWN: Final = frozenset({"epoch", "epoch_s", "training_s", "evaluating_s", "peak_memory_bytes", "startup_s", "lr"})
"""Numbers of an epoch that are no results."""


def standings(tables: Tables) -> list[dict[str, Any]]:
    """Configurations that were trained with fresh seeds, the lowest mean first; empty before each has had one.

    A configuration of which a training failed or diverged stands last: it cannot be relied on.
    """
    found: list[dict[str, Any]] = []
    for name in tables.confirming:
        repeats = _repeats(tables, name)
        ended = [t for t in repeats if t.end_s is not None]
        if not ended:
            return []
        whole = [t for t in ended if t.status == "completed" and tables.settled(t) is not None]
        if whole:
            found.append(_described(tables, name, whole, failed=len(ended) - len(whole)))
    return sorted(found, key=lambda entry: (entry["failed"] > 0, tables.sign * entry["settled"]))


def winner(tables: Tables, standing: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The first of the standings, else the best of the search; None while nothing was reported."""
    if standing:
        return dict(standing[0])
    search = [t for t in tables.trials.values() if t.phase == "search" and t.best_value is not None]
    whole = [t for t in search if t.status == "completed"]
    if not search:
        return None
    first = min(whole or search, key=lambda t: tables.sign * (t.best_value or 0.0))
    return _described(tables, first.trial_id, [first], failed=0)


def values_of(
    tables: Tables, standing: Sequence[dict[str, Any]], name: str | None = None
) -> dict[str, dict[int, float]]:
    """Configuration → number of the fresh seed → settled value, lower is better; ``name``: another number at the best epoch."""
    out: dict[str, dict[int, float]] = {}
    for entry in standing:
        rows = [t for t in _repeats(tables, entry["trial_id"]) if t.status == "completed" and t.repeat is not None]
        if name is None:
            out[entry["trial_id"]] = {
                t.repeat: tables.sign * value
                for t in rows
                if t.repeat is not None and (value := tables.settled(t)) is not None
            }
        else:
            out[entry["trial_id"]] = {
                t.repeat: t.best_metrics[name] for t in rows if name in t.best_metrics and t.repeat is not None
            }
    return {entry: values for entry, values in out.items() if values}


def _repeats(tables: Tables, name: str) -> list[TrialRow]:
    return [t for t in tables.trials.values() if t.of == name]


def _described(tables: Tables, name: str, rows: Sequence[TrialRow], *, failed: int) -> dict[str, Any]:
    """The contract's keys, and what explains them."""
    searched = tables.trials.get(name)
    fresh = rows[0].of is not None
    out: dict[str, Any] = {
        "trial_id": name,
        "config": tables.fresh_configs.get(name)
        or (searched and (searched.best_config or searched.config))
        or rows[0].config,
        "by": searched.by if searched is not None else "starting point",
        "seeds": len(rows) if fresh else 0,
        "failed": failed,
        "trained_to_the_end": all(t.status == "completed" for t in rows),
        "epochs": max(t.epochs for t in rows),
        "epoch": rows[0].best_epoch if len(rows) == 1 else None,
        **_mean("value", [t.best_value for t in rows]),
        **_mean("settled", [tables.settled(t) for t in rows]),
        **_mean(VALIDATION_MAE_EV, [t.best_validation for t in rows]),
        **_mean(TEST_MAE_EV, [t.tests.get(TEST_MAE_EV) for t in rows]),
        "metrics": _metrics(rows),
        "trainings": [t.trial_id for t in rows],
        "search": None,
        "selection_bias": None,
    }
    if fresh and searched is not None and searched.best_value is not None:
        out["search"] = {
            "value": searched.best_value, "epoch": searched.best_epoch, "epochs": searched.epochs,
            VALIDATION_MAE_EV: searched.best_validation, TEST_MAE_EV: searched.tests.get(TEST_MAE_EV),
        }  # fmt: skip
        out["selection_bias"] = tables.sign * (out["value"] - searched.best_value)
    return out


def _mean(name: str, values: Sequence[float | None]) -> dict[str, float | None]:
    """Mean and standard deviation; None where a training did not report the number, or none repeats it."""
    known = [v for v in values if v is not None]
    complete = len(known) == len(values) and known
    return {
        name: statistics.fmean(known) if complete else None,
        f"{name}_deviation": statistics.stdev(known) if complete and len(known) > 1 else None,
    }


def _metrics(rows: Sequence[TrialRow]) -> dict[str, float]:
    """Means of everything else that each training reported at its best epoch."""
    names = set.intersection(*(set(t.best_metrics) for t in rows)) - KNOWN
    shown = sorted(n for n in names if not n.startswith("time_") and n not in (VALIDATION_MAE_EV, TEST_MAE_EV))
    return {n: statistics.fmean(t.best_metrics[n] for t in rows) for n in shown}
