"""``summary.json``: the result of a run in one object."""

from __future__ import annotations

import statistics
from typing import Any

from perch.record.comparisons import comparisons
from perch.record.pace import pace
from perch.record.tables import Tables, TrialRow
from perch.record.winner import standings, winner
from perch.study import Study
from perch.vocabulary import INFEASIBLE, TEST_MAE_EV


def summary(run_id: str, study: Study, tables: Tables) -> dict[str, Any]:
    """The summary as the contract names its keys. ``best`` is the winner as a trial of the search, with its values there."""
    search = [t for t in tables.trials.values() if t.phase == "search"]
    attempt = tables.attempts[-1] if tables.attempts else {}
    devices = tables.curves.devices
    standing = standings(tables)
    won = winner(tables, standing)
    best = _best(tables, search, standing)
    ridge = tables.baselines.get("ridge_composition")
    return {
        "run_id": run_id,
        "study": study.name,
        "strategy": study.strategy_name,
        "seed": study.seed,
        "metric": study.metric,
        "mode": study.mode,
        "status": tables.closed["why"] if tables.closed else "running",
        "reason": tables.closed.get("reason", "") if tables.closed else "",
        "trials": sum(t.status != INFEASIBLE for t in search),
        "infeasible": sum(t.status == INFEASIBLE for t in search),
        "failed": sum(t.status in ("failed", "diverged") for t in search),
        "losses": dict(tables.losses),
        "losses_by_node": dict(tables.losses_by_node),
        "epochs": tables.curves.rows,
        "worker_seconds": round(tables.worker_s, 2),
        "redone_epochs": sum(t.redone for t in tables.trials.values()),
        "redone_s": round(tables.seconds["redone"], 2),
        "wall_s": round(tables.used_s, 2),
        "pace": pace(tables),
        "attempts": tables.attempt,
        "asked_by_hand": tables.asked,
        "avoided_nodes": tables.avoided,
        "baselines": tables.baselines,
        "baselines_test": attempt.get("baselines_test") or {},
        "data": attempt.get("data") or {},
        "search": {"epochs": tables.epochs_by_phase["search"], "wall_s": round(tables.used_s - tables.confirmed_s, 2)},
        "fresh_seeds": _fresh(tables),
        "epochs_per_trial": tables.epochs,
        "winner": won,
        "start_point": next((dict(s) for s in standing if s["trial_id"] == tables.start), None),
        "standings": [{k: s[k] for k in STANDING} for s in standing],
        "comparisons": comparisons(tables, standing, study.metric),
        "best": best,
        "beats_ridge": None if ridge is None or won is None else _shown(won) < ridge,
        "device": max(devices, key=devices.__getitem__) if devices else None,
        "host": attempt.get("host"),
        "began_unix_s": tables.attempts[0].get("unix_s") if tables.attempts else None,
        "versions": attempt.get("versions") or study.versions,
    }


STANDING = (
    "trial_id", "by", "seeds", "failed", "settled", "settled_deviation", "value", "value_deviation", "validation_mae_ev", "test_mae_ev"
)  # fmt: skip
"""What is kept of every configuration that was trained with fresh seeds."""


def _fresh(tables: Tables) -> dict[str, Any]:
    """What the trainings with fresh seeds took, and what they were allowed."""
    terms = tables.fresh_terms
    trainings = sum(t.of is not None for t in tables.trials.values())
    allowance = terms.get("allowance")
    return {
        "trainings": trainings, "epochs": tables.epochs_by_phase["confirm"], "wall_s": round(tables.confirmed_s, 2),
        "allowance_epochs": None if terms.get("in_seconds") else allowance,
        "allowance_s": allowance if terms.get("in_seconds") else None,
        "window": terms.get("window", 1) if terms else None,
    }  # fmt: skip


def _shown(won: dict[str, Any]) -> float:
    """The value that a claim rests on: the mean over fresh seeds where there are some."""
    value = won["validation_mae_ev"]
    return float("inf") if value is None else float(value)


def _best(tables: Tables, search: list[TrialRow], standing: list[dict[str, Any]]) -> dict[str, Any] | None:
    finite = [t for t in search if t.best_value is not None]
    if not finite:
        return None
    leader = min(finite, key=lambda t: tables.sign * (t.best_value or 0.0))
    confirmed = {t: c for t in tables.confirming if (c := _confirmed(tables, t)) is not None}
    first = next((s["trial_id"] for s in standing if s["trial_id"] in tables.trials), None)
    if first is not None:
        leader = tables.trials[first]
    return {
        "trial_id": leader.trial_id,
        "config": leader.best_config or leader.config,
        "epoch": leader.best_epoch,
        "value": leader.best_value,
        "validation_mae_ev": leader.best_validation,
        "test_mae_ev": leader.tests.get(TEST_MAE_EV),
        "confirmed": confirmed.get(leader.trial_id),
    }


def _confirmed(tables: Tables, trial: str) -> dict[str, Any] | None:
    """Mean and deviation over the fresh seeds of one configuration; None before one of them has ended."""
    repeats = [t for t in tables.trials.values() if t.of == trial and t.status == "completed"]
    repeats = [t for t in repeats if t.best_value is not None]
    if not repeats:
        return None
    values = [t.best_value for t in repeats if t.best_value is not None]
    validation = [t.best_validation for t in repeats if t.best_validation is not None]
    test = [t.tests[TEST_MAE_EV] for t in repeats if TEST_MAE_EV in t.tests]
    return {
        "seeds": len(repeats),
        "value": statistics.fmean(values),
        "value_deviation": statistics.stdev(values) if len(values) > 1 else None,
        "validation_mae_ev": statistics.fmean(validation) if validation else None,
        "test_mae_ev": statistics.fmean(test) if test else None,
        "test_mae_ev_deviation": statistics.stdev(test) if len(test) > 1 else None,
    }
