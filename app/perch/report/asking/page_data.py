"""What the page's scripts ask: the trials with curves, decisions and words, as one packed object."""

from __future__ import annotations

import base64
import gzip
import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from perch.report.asking.rung_table import rung_table
from perch.report.asking.trials_table import trials_table
from perch.report.axis import axis_of
from perch.report.report_data import ReportData, rows
from perch.report.style import FATE_COLOURS, SCALE
from perch.vocabulary import TEST_MAE_EV
from perch.why import Why, explain_all, judged_by, lines

MOST_POINTS = 1_000_000
"""Epochs whose values a page holds; of larger runs the best trials and an even share of the others have their curves."""

SURELY = 500
"""The best trials, which have their curves in any case."""


def page_data(report: ReportData) -> dict[str, Any]:
    """Everything that scripts show. Trials are named by their row in the table."""
    found = reasons(report)
    place = {str(name): i for i, name in enumerate(report.trials["trial_id"])}
    best, won = report.trials["best_value"], report.winner or report.best
    return {
        **trials_table(report),
        "metric": report.metric,
        "label": report.metric_label,
        "epochs": report.epochs,
        "winner": {"id": str(won.get("trial_id", "")), "config": _config(won.get("config"))} if won else None,
        "values": _numbers(best),
        "trained": report.trials["epochs"].fillna(0).astype(int).tolist(),
        "fates": list(report.fates),
        "colours": FATE_COLOURS,
        "scale": SCALE,
        "axes": [axis_of(name, report.configs[name]).as_dict() for name in report.searched],
        "configs": [_config(c) for c in report.trials["config"]],
        "curves": _curves(report, place),
        "improvements": _improvements(report, place),
        "end_s": float(report.curves["time_s"].max()) if len(report.curves) else 0.0,
        "baselines": report.baselines if report.metric == "validation_mae_ev" else {},
        "rungs": rung_table(report, found, place),
        "why": {place[name]: _why(one) for name, one in found.items() if name in place},
        "run": shlex.quote(str(report.folder)),
    }


def reasons(report: ReportData) -> dict[str, Why]:
    """What the log says of each trial; empty where a folder holds tables and no log."""
    from perch.log.events import read

    events = report.folder / "events"
    if not events.is_dir():
        return {}
    study = report.study
    return explain_all(
        read(events), metric=study.metric, maximise=study.mode == "max", epochs=study.epochs,
        judged_by=judged_by(study.strategy),
    )  # fmt: skip


def packed(value: Any) -> str:
    """JSON, compressed, as letters that can stand in any element of a page."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)).decode()


def _why(found: Why) -> dict[str, Any]:
    """The lines of ``perch why`` without the configuration and the table, which the page shows itself."""
    said = [line.strip() for line in lines(found, table=False)]
    said = [line for line in said if not line.startswith("configuration:")]
    judged = [
        [j.rung, *(_digits(v) for v in (j.value, j.cutoff)), j.rank, j.size, j.final_rank, j.final_size, j.action]
        for j in found.judgements
    ]
    return {"said": said, "judged": judged}


def _curves(report: ReportData, place: Mapping[str, int]) -> list[list[Any]]:
    """One entry per segment: trial, segment, first epoch (or all epochs where some are missing), values."""
    if report.metric not in report.curves:
        return []
    curves = report.curves[["trial_id", "segment", "epoch", report.metric]].dropna()
    curves = curves[curves["trial_id"].isin(_with_curves(report, len(curves)))]
    return list(_segments(curves, report.metric, place))


def _segments(curves: pd.DataFrame, metric: str, place: Mapping[str, int]) -> Iterator[list[Any]]:
    trials, segments = curves["trial_id"].to_numpy(), curves["segment"].to_numpy()
    epochs, values = curves["epoch"].to_numpy(dtype=int), _rounded(curves[metric].to_numpy(dtype=float))
    new = np.flatnonzero((trials[1:] != trials[:-1]) | (segments[1:] != segments[:-1])) + 1
    for start, end in zip([0, *new], [*new, len(trials)], strict=True):
        if start == end or trials[start] not in place:
            continue
        at = epochs[start:end]
        whole = at[-1] - at[0] == end - start - 1
        first = int(at[0]) if whole else [int(e) for e in at]
        yield [place[trials[start]], int(segments[start]), first, values[start:end].tolist()]


def _with_curves(report: ReportData, points: int) -> set[str]:
    """Trials whose curves the page holds: all, unless there are more points than it can."""
    names = report.trials.sort_values("best_value", ascending=report.sign > 0, kind="stable")["trial_id"].tolist()
    if points <= MOST_POINTS:
        return set(names)
    share = max(1, int(len(names) * MOST_POINTS / points) - SURELY)
    return {*names[:SURELY], *(names[i] for i in np.linspace(0, len(names) - 1, share).astype(int))}


def _improvements(report: ReportData, place: Mapping[str, int]) -> list[list[Any]]:
    """Each new best: consumed seconds, value, trial, epoch, test error."""
    return [
        [_digits(r["time_s"]), _digits(r["value"]), place[r["trial_id"]], int(r["epoch"]), _digits(r.get(TEST_MAE_EV))]
        for r in rows(report.incumbents)
        if r["trial_id"] in place
    ]


def _config(config: Mapping[str, Any] | None) -> dict[str, Any]:
    """A configuration as JSON holds it, without the keys that only other trials have."""
    given = {str(k): v.item() if isinstance(v, np.generic) else v for k, v in (config or {}).items()}
    return {k: v for k, v in given.items() if v is not None and not (isinstance(v, float) and np.isnan(v))}


def _numbers(column: pd.Series[Any]) -> list[float | None]:
    return [_digits(v) for v in column.to_numpy(dtype=float)]


def _digits(value: Any) -> float | None:
    """A number with six digits; None for what is missing or not finite."""
    return None if value is None or not np.isfinite(value) else float(f"{value:.6g}")


def _rounded(values: Any) -> Any:
    """Numbers with six digits, all at once; zero stays zero."""
    with np.errstate(divide="ignore"):
        size = np.where(values == 0, 0, np.floor(np.log10(np.abs(values))))
    scale = 10.0 ** (5 - size)
    return np.round(values * scale) / scale
