"""The rungs as a table: who was compared there, with which value, and who went on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from perch.report.report_data import ReportData
from perch.why import Judgement, Why

MOST_RUNGS = 60
"""Rows of the table; a rule that judges every epoch has one per epoch, of which an even share is shown."""


def rung_table(report: ReportData, found: Mapping[str, Why], place: Mapping[str, int]) -> list[dict[str, Any]]:
    """One entry per bracket and rung, in the order of epochs: trials best first, their values, whether each went on, and cut-offs.

    From the log's decisions; of a run without a log from its curves, then without cut-offs.
    """
    judged = _by_decisions(found, place) or _by_curves(report, place)
    keys = sorted(judged, key=lambda key: (key[0], key[1]))
    if len(keys) > MOST_RUNGS:
        keys = [keys[i] for i in sorted(set(np.linspace(0, len(keys) - 1, MOST_RUNGS).astype(int)))]
    return [_entry(bracket, epoch, judged[bracket, epoch], report.sign) for bracket, epoch in keys]


Place = tuple[int, float, bool, float | None]
"""A trial at a rung: its row, its value, whether it went on, and the cut-off at that moment."""


def _by_decisions(found: Mapping[str, Why], place: Mapping[str, int]) -> dict[tuple[int, int], list[Place]]:
    out: dict[tuple[int, int], list[Place]] = {}
    for name, why in found.items():
        if name in place and why.phase == "search":
            for one in why.judgements:
                out.setdefault((why.bracket, one.rung), []).append((place[name], one.value, _on(one, why), one.cutoff))
    return out


def _on(one: Judgement, why: Why) -> bool:
    """Whether it trained on after this rung, then or when it was promoted later."""
    return one.action == "go" or why.last_epoch > one.rung


def _by_curves(report: ReportData, place: Mapping[str, int]) -> dict[tuple[int, int], list[Place]]:
    trials = report.trials
    if "rung" not in trials or trials["rung"].dropna().empty or report.metric not in report.curves:
        return {}
    brackets = trials["bracket"].fillna(0).astype(int) if "bracket" in trials else trials["epochs"] * 0
    facts = {
        n: (int(b), int(e)) for n, b, e in zip(trials["trial_id"], brackets, trials["epochs"].fillna(0), strict=True)
    }
    out: dict[tuple[int, int], list[Place]] = {}
    for rung in sorted({int(r) for r in trials["rung"].dropna()}):
        at = report.curves[report.curves["epoch"] == rung].dropna(subset=[report.metric])
        for name, value in zip(at["trial_id"], at[report.metric], strict=True):
            if name in facts and name in place:
                bracket, epochs = facts[name]
                out.setdefault((bracket, rung), []).append((place[name], float(value), epochs > rung, None))
    return out


def _entry(bracket: int, epoch: int, places: list[Place], sign: float) -> dict[str, Any]:
    cutoffs = [c for *_, c in places if c is not None]
    ordered = sorted(places, key=lambda one: sign * one[1])
    return {
        "bracket": bracket,
        "epoch": epoch,
        "trials": [row for row, *_ in ordered],
        "values": [float(f"{value:.5g}") for _, value, *_ in ordered],
        "on": [int(on) for _, _, on, _ in ordered],
        "cutoffs": [float(f"{c:.5g}") for c in (cutoffs[0], cutoffs[-1])] if cutoffs else [],
    }
