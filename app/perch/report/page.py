"""The page: one self-contained HTML file, no network, readable in the dark and by ear."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd

from perch.report import verdict
from perch.report.drawing import Drawn, NotDrawn
from perch.report.figure import FIGURES, Missing
from perch.report.report_data import ReportData, rows, words
from perch.report.style import inline_svg

TABLE_COLUMNS = (
    "trial_id",
    "fate",
    "epochs",
    "best_value",
    "test_mae_ev",
    "rung",
    "bracket",
    "start_s",
    "end_s",
    "failure",
    "error",
)
"""Columns of the trials table that come before the hyperparameters; those that a run does not have are left out."""


def render(report: ReportData, drawn: list[Drawn | NotDrawn], files: Mapping[str, list[str]]) -> str:
    """The report of one run as HTML. ``files``: figure name → its files relative to the page, where there are any."""
    template = environment().get_template("page.html")
    return str(
        template.render(
            run_id=report.summary["run_id"],
            made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            style=asset("page.css"),
            scripts=[asset("theme.js"), asset("table.js")],
            verdict=verdict.sentences(report),
            numbers=verdict.numbers(report),
            figures=[_shown(one, files) for one in drawn if isinstance(one, Drawn)],
            missing=[(one.figure.title, one.reason) for one in drawn if isinstance(one, NotDrawn)],
            best=_best(report),
            confirmed=_confirmed(report),
            worst=_worst(report),
            cards=cards(report),
            table=_json(trials_table(report)),
        )
    )


def trials_table(report: ReportData) -> dict[str, Any]:
    """The trials as columns and rows, for the script that sorts and filters them."""
    trials = report.trials.assign(fate=report.fates)
    named = [c for c in TABLE_COLUMNS if c in trials and trials[c].notna().any()]
    named += [str(c) for c in trials if str(c).startswith("test_mae_ev_")]
    shown = pd.concat([trials[named], report.further_metrics, report.configs[report.searched]], axis=1)
    shown = shown.rename(columns={"best_value": f"best {report.metric}", "fate": "state"})
    columns = [str(c) for c in shown.columns]
    values = [[_cell(v) for v in row] for row in shown.astype(object).to_numpy()]
    order = columns.index(f"best {report.metric}") if f"best {report.metric}" in columns else 0
    return {"columns": columns, "rows": values, "sort": order, "descending": report.sign < 0}


def cards(report: ReportData) -> list[tuple[str, list[tuple[str, str]]]]:
    """What a supplement needs apart from pictures: data and split, settings, environment; name and value pairs."""
    study, summary = report.study.model_dump(mode="json", by_alias=True), report.summary
    made = [("further numbers of the best epoch", _further(report))]
    if report.study.program is None:
        data = study["data"]
        split = data.pop("split")
        made += [("data", _pairs(data)), ("split", _pairs(split) + _counts(report))]
    else:
        study["trainable"].pop("template_text", None)
    made.append(("data as found", _pairs(summary["data"])))
    known = ("name", "trainable", "strategy", "metric", "mode", "epochs", "budget", "seed", "confirm", "checkpoints")
    made.append(("study", _pairs({k: study[k] for k in known})))
    if isinstance(study["space"], dict):
        made.append(("search space", _pairs(study["space"])))
    made.append(("environment", _pairs({"device": summary["device"], **summary["versions"]})))
    return [(title, pairs) for title, pairs in made if pairs]


def _shown(one: Drawn, files: Mapping[str, list[str]]) -> dict[str, Any]:
    svg = inline_svg(one.svg, one.name, one.description)
    words = {"title": one.figure.title, "caption": one.figure.caption, "description": one.description}
    return {"name": one.name, **words, "svg": svg, "files": files.get(one.name, [])}


def _best(report: ReportData) -> list[tuple[str, str]]:
    return _pairs((report.winner or report.best).get("config") or {})


def _further(report: ReportData) -> list[tuple[str, str]]:
    """What the best trial reported at its best epoch besides the metric, under the names that the trainable gave."""
    best = report.further_metrics[report.trials["trial_id"] == report.best.get("trial_id")]
    return [(str(name), _text(best[name].iloc[0])) for name in best if not best.empty and best[name].notna().all()]


def _confirmed(report: ReportData) -> dict[str, Any] | None:
    """The trainings with fresh seeds."""
    if report.confirmed.empty:
        return None
    wanted = ["trial_id", "confirms", "status", "epochs", "best_value", "test_mae_ev"]
    shown = report.confirmed[[c for c in wanted if c in report.confirmed]].dropna(axis="columns", how="all")
    body = [[_text(row[c]) for c in shown.columns] for row in rows(shown)]
    return {"columns": [words(str(c)) for c in shown.columns], "rows": body}


def _worst(report: ReportData) -> dict[str, Any] | None:
    try:
        table = FIGURES.get("worst").table(report)
    except Missing:
        return None
    body = [[_text(row[c]) for c in table.columns] for row in rows(table)]
    return {"columns": [words(str(c)) for c in table.columns], "rows": body}


def _counts(report: ReportData) -> list[tuple[str, str]]:
    """Structures on each side of the split, as the predictions show it."""
    if report.predictions is None:
        return []
    counts = report.predictions["split"].value_counts()
    return [(f"structures, {split}", f"{n:,}") for split, n in counts.items()]


def _pairs(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    out: list[tuple[str, str]] = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            out += _pairs(value, f"{prefix}{key}.")
        elif value is not None and value != []:
            out.append((f"{prefix}{key}", _text(value)))
    return out


def _text(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        return "–" if not math.isfinite(value) else f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(_text(v) for v in value)
    return "–" if value is None else str(value)


def _cell(value: Any) -> Any:
    """A value as JSON holds it: null for what is missing, four digits for numbers, long messages cut."""
    if value is None or value is pd.NA:
        return None
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        if not math.isfinite(value):
            return None
        number = float(value)
        return int(number) if number.is_integer() and abs(number) < 1e15 else float(f"{number:.5g}")
    text = str(value)
    return text if len(text) <= 300 else text[:299] + "…"


def _json(value: Any) -> str:
    """JSON that can stand inside a script element whatever its strings hold."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def asset(name: str) -> str:
    """A template, style sheet or script of the page."""
    return (resources.files("perch.report") / "assets" / name).read_text(encoding="utf-8")


def environment() -> Any:
    """The templates: everything is escaped, and an unknown name is an error."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    return Environment(
        loader=FunctionLoader(asset), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
