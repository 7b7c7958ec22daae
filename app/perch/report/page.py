"""The page: one self-contained HTML file, no network, readable in the dark and by ear."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import numpy as np

from perch.report import verdict
from perch.report.asking.confirmations import confirmations
from perch.report.asking.page_data import packed, page_data
from perch.report.by_hand import by_hand
from perch.report.drawing import Drawn, NotDrawn
from perch.report.figure import FIGURES, Missing
from perch.report.report_data import ReportData, rows, words
from perch.report.style import inline_svg

SCRIPTS = (
    "theme.js", "ask/data.js", "ask/state.js", "ask/copy.js", "ask/chart.js", "ask/curves.js", "ask/incumbent.js", "ask/slice.js",
    "ask/contour.js", "ask/parallel.js", "ask/rungs.js", "ask/filter.js", "ask/table.js", "ask/card.js", "ask/start.js",
)  # fmt: skip
"""The page's own scripts in the order in which they stand in it."""

LIVE_SCRIPTS = ("ask/control.js", "ask/live.js")
"""Those of a page that is served while its run goes on."""

UPLOT = "vendor/uplot"


def render(
    report: ReportData, drawn: list[Drawn | NotDrawn], files: Mapping[str, list[str]], *, live: str | None = None
) -> str:
    """The report of one run as HTML. ``files``: figure name → its files relative to the page, where there are any.

    ``live``: the version of a page that is served while its run goes on, and that asks its server for a newer one.
    """
    template = environment().get_template("page.html")
    return str(
        template.render(
            run_id=report.summary["run_id"],
            made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            style=asset(f"{UPLOT}/uPlot.min.css") + asset("page.css") + asset("ask.css"),
            library=asset(f"{UPLOT}/uPlot.iife.min.js"),
            licence=asset(f"{UPLOT}/LICENSE"),
            scripts=[asset(name) for name in (*SCRIPTS, *(LIVE_SCRIPTS if live else ()))],
            live=live,
            verdict=verdict.sentences(report),
            numbers=verdict.numbers(report),
            figures=[_shown(one, files) for one in drawn if isinstance(one, Drawn)],
            shown_sections=[(f"figure-{one.name}", one.figure.title) for one in drawn if isinstance(one, Drawn)],
            missing=[(one.figure.title, one.reason) for one in drawn if isinstance(one, NotDrawn)],
            best=_best(report),
            confirmed=confirmations(report),
            by_hand=by_hand(report.summary),
            worst=_worst(report),
            cards=cards(report),
            data=packed(page_data(report)),
        )
    )


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
    words = {"title": one.figure.title, "caption": one.caption, "warning": one.warning, "description": one.description}
    return {"name": one.name, **words, "svg": svg, "files": files.get(one.name, [])}


def _best(report: ReportData) -> list[tuple[str, str]]:
    return _pairs((report.winner or report.best).get("config") or {})


def _further(report: ReportData) -> list[tuple[str, str]]:
    """What the best trial reported at its best epoch besides the metric, under the names that the trainable gave."""
    best = report.further_metrics[report.trials["trial_id"] == report.best.get("trial_id")]
    return [(str(name), _text(best[name].iloc[0])) for name in best if not best.empty and best[name].notna().all()]


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


def asset(name: str) -> str:
    """A template, style sheet or script of the page."""
    return (resources.files("perch.report") / "assets" / name).read_text(encoding="utf-8")


def environment() -> Any:
    """The templates: everything is escaped, and an unknown name is an error."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    return Environment(
        loader=FunctionLoader(asset), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
