"""What a comparison has found, as its page says it: sentences, tables, and the figures that it has written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from perch.report.hover import packed
from perch.report.report_data import words
from perch.report.style import inline_svg

COMPARISON = "comparison.json"
INDEX = "figures.json"
"""Titles and captions of the figures in their folder, in the order of the page."""

WIDEST = 100.0
"""Ratios beyond this, and below its inverse, are said as such: no comparison measures them."""


def content(folder: Path) -> dict[str, Any]:
    """What ``comparison.json`` holds; nothing while no block is complete."""
    file = folder / COMPARISON
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}


def sentences(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Warnings, then what was judged at each target; what is the same at all of them is said once."""
    out = [("warning", str(note)) for note in found.get("notes") or []]
    judged = [(c, c["verdict"]) for c in _contrasts(found) if (c.get("verdict") or {}).get("sentence")]
    said = []
    for contrast, verdict in judged:
        at_target = "target" in contrast and verdict.get("says") != "no verdict"
        to = f"To {_target(contrast['target'], found)}: " if at_target else ""
        said.append(to + str(verdict["sentence"]) + ".")
    return out + [("plain", sentence.replace("..", ".")) for sentence in dict.fromkeys(said)]


def tables(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Title, hint, columns and rows of what the comparison counted; those without rows are left out."""
    made = [
        _speed_ups("Speed-ups", found.get("all_trials"), found),
        _speed_ups("Speed-ups without collapsed trials", found.get("without_collapsed"), found),
        _work(found),
        _importance(found),
        _correlations(found),
    ]
    return [one for one in made if one["rows"]]


def _contrasts(found: Mapping[str, Any], which: str = "all_trials") -> list[dict[str, Any]]:
    return list((found.get(which) or {}).get("contrasts") or [])


def _speed_ups(title: str, analysis: Mapping[str, Any] | None, found: Mapping[str, Any]) -> dict[str, Any]:
    reference = found.get("reference", "the reference")
    rows = [
        [c["strategy"], _target(c["target"], found), span(c["ratio"]), c["ratio"].get("estimator", ""),
         f"{c['before']['probability']:.2f} [{c['before']['low']:.2f}, {c['before']['high']:.2f}]",
         f"{c['ratio']['censored']:.0%} ({reference} {c['ratio']['censored_reference']:.0%})", c["verdict"]["says"]]
        for c in (analysis or {}).get("contrasts") or [] if "ratio" in c
    ]  # fmt: skip
    hint = f"How many times sooner than {reference} each strategy reaches a target, with 95 % intervals over blocks."
    columns = ["strategy", "target", "speed-up", "estimator", f"P(before {reference})", "missed", "verdict"]
    return {"title": title, "hint": hint, "columns": columns, "rows": rows}


def _target(target: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    sign = -1.0 if found.get("mode") == "max" else 1.0
    share = target.get("share")
    return f"{sign * target['value']:.4g}" + (f" (median at {share:g} of the budget)" if share is not None else "")


def span(ratio: Mapping[str, Any]) -> str:
    """A ratio with its interval; bounds that no comparison can measure are said to lie beyond."""
    value, low, high = (ratio.get(name) for name in ("value", "low", "high"))
    if value is None:
        return f"at least {_times(low)}" if low is not None else f"at most {_times(high)}" if high is not None else "–"
    return _times(value) + (f" [{_times(low)}, {_times(high)}]" if low is not None and high is not None else "")


def _times(ratio: float | None) -> str:
    if ratio is None:
        return "–"
    if ratio > WIDEST:
        return f"> {WIDEST:g}×"
    return f"< {1 / WIDEST:g}×" if ratio < 1 / WIDEST else f"{ratio:.2f}×"


def _work(found: Mapping[str, Any]) -> dict[str, Any]:
    blocks = len(found.get("seeds") or [])
    rows = [
        [w["strategy"], f"{w['trials']:.0f}", f"{w['epochs']:.0f}", span(w["trials_ratio"]) if w["trials_ratio"] else "–",
         f"{w['best_in_blocks']:g} of {blocks}", *(f"{w['shares'].get(a, 0):.0%}" for a in ("starting", "suggesting", "idle"))]
        for w in found.get("work") or []
    ]  # fmt: skip
    columns = ["strategy", "trials per run", "epochs per run", f"trials against {found.get('reference')}", "best in blocks",
               "starting", "suggesting", "idle"]  # fmt: skip
    return {
        "title": "What each strategy did",
        "hint": "Means over blocks; shares are of worker seconds.",
        "columns": columns,
        "rows": rows,
    }


def _importance(found: Mapping[str, Any]) -> dict[str, Any]:
    rows = [
        [i["key"], f"{i['share']:.0%}", f"{i['low']:.0%} to {i['high']:.0%}"] for i in found.get("importance") or []
    ]
    hint = (
        "PED-ANOVA at the last epoch over the random configurations of rs: what tells the best quarter from the rest."
    )
    return {
        "title": "Which hyperparameters matter",
        "hint": hint,
        "columns": ["hyperparameter", "share", "95 % interval"],
        "rows": rows,
    }


def _correlations(found: Mapping[str, Any]) -> dict[str, Any]:
    rows = [
        [str(c["rung"]), f"{c['correlation']:.2f}", f"{c['low']:.2f} to {c['high']:.2f}", f"{c['curves']:,}"]
        for c in found.get("early_stopping") or []
    ]
    hint = "Rank correlation of values at a level of epochs with those at the last, over full curves of rs: near 1, early stopping is safe."
    return {
        "title": "Was early stopping safe?",
        "hint": hint,
        "columns": ["epoch", "correlation", "95 % interval", "curves"],
        "rows": rows,
    }


def figures(folder: Path) -> list[dict[str, Any]]:
    """The figures that the comparison has written, with their titles, captions and descriptions."""
    found: list[dict[str, Any]] = []
    for kind, suffix in (("figures", ""), ("figures-without-collapsed", " (without collapsed trials)")):
        found += [_figure(folder, kind, suffix, entry) for entry in _index(folder / kind)]
    return found


def _index(folder: Path) -> Sequence[Mapping[str, Any]]:
    """Name, title and caption of each figure; of a folder without an index by its file's name."""
    if (folder / INDEX).is_file():
        listed = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        return [entry for entry in listed if (folder / f"{entry['name']}.svg").is_file()]
    return [{"name": f.stem, "title": words(f.stem).capitalize(), "caption": ""} for f in sorted(folder.glob("*.svg"))]


def _figure(folder: Path, kind: str, suffix: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    file = folder / kind / f"{entry['name']}.svg"
    text = file.with_suffix(".txt")
    description = text.read_text(encoding="utf-8").strip() if text.is_file() else entry["title"]
    svg = file.read_text(encoding="utf-8")
    name = f"{kind}-{file.stem}".replace("_", "-")
    others = (file.with_suffix(f".{form}") for form in ("png", "svg", "pdf", "csv"))
    return {
        "name": name,
        "title": entry["title"] + suffix,
        "caption": entry["caption"],
        "warning": "",
        "description": description,
        "spots": packed(entry.get("spots") or []),
        "svg": inline_svg(svg[svg.index("<svg") :], name, description),
        "files": [f"{kind}/{o.name}" for o in others if o.is_file()],
    }
