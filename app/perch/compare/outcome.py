"""What a comparison leaves behind: ``comparison.json``, figures with their data, and lines for people."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from perch.compare.extras import extras
from perch.compare.figure import Scene, write_figures
from perch.compare.runs.gather import Comparison, gather
from perch.compare.statistics.analysis import Analysis, Target, analyse
from perch.compare.statistics.verdict import FIRST_LOOK
from perch.compare.statistics.work import work
from perch.record.protocol import Record


def conclude(
    runs: Iterable[tuple[str, Record]],
    folder: Path,
    *,
    reference: str | None = None,
    budget_s: float | None = None,
    targets: Sequence[float] = (),
    planned: int | None = None,
    conditions: Sequence[dict[str, Any]] = (),
    figures: bool = True,
) -> list[str]:
    """Analyse labelled runs, write everything into ``folder``, and return the lines to print.

    ``planned``: blocks planned from the start; None: those that there are.
    """
    comparison = gather(runs, reference, budget_s)
    planned = planned or len(comparison.seeds)
    scenes = [_scene(comparison, targets, planned)]
    shares = comparison.collapsed_share
    if any(shares.values()):
        scenes.append(_scene(comparison.without_collapsed(), targets, planned))
    folder.mkdir(parents=True, exist_ok=True)
    more, more_lines = extras(comparison)
    done = work(comparison)
    content = {
        "reference": comparison.reference,
        "seeds": list(comparison.seeds),
        "budget_s": comparison.budget_s,
        "metric": comparison.metric,
        "mode": comparison.study.mode,
        "notes": comparison.notes,
        "collapsed_share": shares,
        "conditions": list(conditions),
        "work": [w.as_dict() for w in done],
        "all_trials": as_data(scenes[0].analysis),
        "without_collapsed": as_data(scenes[1].analysis) if len(scenes) > 1 else None,
        **more,
    }
    (folder / "comparison.json").write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    if figures:
        for scene, name in zip(scenes, ("figures", "figures-without-collapsed"), strict=False):
            write_figures(scene, folder / name)
    did = [w.sentence(comparison.reference, len(comparison.seeds)) for w in done]
    return [line for scene in scenes for line in lines(scene)] + did + more_lines


def _scene(comparison: Comparison, targets: Sequence[float], planned: int) -> Scene:
    given = [comparison.sign * t for t in targets]
    return Scene(comparison, analyse(comparison.blocks, given=given, planned=planned))


def as_data(analysis: Analysis) -> dict[str, Any]:
    """For JSON."""
    return {
        "n_blocks": analysis.n_blocks,
        "budget_s": analysis.budget_s,
        "contrasts": [asdict(c) for c in analysis.contrasts],
        "times": [asdict(t) for t in analysis.times],
        "speed_up_curve": [
            {"strategy": s, "target": asdict(t), "ratio": asdict(r)} for s, t, r in analysis.curve
        ],
        "unreachable": [
            {"share": t.share, "value": t.value if math.isfinite(t.value) else None} for t in analysis.unreachable
        ],
    }  # fmt: skip


def lines(scene: Scene) -> list[str]:
    """The comparison as plain lines."""
    comparison, analysis = scene.comparison, scene.analysis
    kind = "all trials" if comparison.collapsed else "without collapsed trials, their time taken off the clock"
    out = [
        f"{analysis.n_blocks} block{'s' if analysis.n_blocks != 1 else ''} of {', '.join(comparison.strategies)}, {analysis.budget_s:.0f} s each ({kind})",
        *(f"note: {note}" for note in comparison.notes),
    ]
    if comparison.collapsed:
        shares = ", ".join(f"{s} {share:.0%}" for s, share in comparison.collapsed_share.items())
        out.append(f"trials that never beat the mean predictor, of those that had a tenth of the epochs to: {shares}")
    if analysis.n_blocks < FIRST_LOOK:
        out.append(f"no verdicts: {FIRST_LOOK} blocks are needed, there are {analysis.n_blocks}")
    out += [_unreachable(target, comparison) for target in analysis.unreachable]
    for c in analysis.contrasts:
        value = replace(c.target, value=comparison.sign * c.target.value).label
        test = f", test {c.test_at_solution:.4g} there" if c.test_at_solution is not None else ""
        before = (
            f"P(before {comparison.reference}) {c.before.probability:.2f} [{c.before.low:.2f}, {c.before.high:.2f}]"
        )
        missed = f"missed {c.ratio.censored:.0%} ({comparison.reference} {c.ratio.censored_reference:.0%})"
        out.append(f"{c.strategy} to {value}: {c.ratio} ({c.ratio.estimator}); {before}; {missed}{test}")
        if analysis.n_blocks >= FIRST_LOOK:
            out.append(f"  {c.verdict.sentence}")
    return out


def _unreachable(target: Target, comparison: Comparison) -> str:
    if not math.isfinite(target.value):
        return (
            f"no target at {target.share:g} B: half of the runs of {comparison.reference} had reported nothing by then"
        )
    return f"target {replace(target, value=comparison.sign * target.value).label}: no run reaches it"
