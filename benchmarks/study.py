"""The numbers of ``docs/study-tables.md`` from comparisons that exist: ``python benchmarks/study.py studies/recorded/study-both``.

Prints Markdown: conditions of the runs, trials and epochs, ratios with intervals, verdicts, and the overhead between runs.
``--strategies`` and ``--reference`` ask about some of the strategies, as ``perch compare`` does; ``--figures DIR`` keeps
the comparison's files. With ``--schedule RUN`` it times ``perch schedule`` on a PBT run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from perch.compare.command import judge
from perch.compare.runs.plan import ComparePlan, load_plan, part_of
from perch.compare.statistics.interval import Ratio
from perch.record import load


def comparison(folder: Path, strategies: list[str] | None, reference: str | None, into: Path, figures: bool) -> None:
    """Tables of one comparison, judged anew; its files go ``into`` a folder."""
    plan = part_of(load_plan(folder), strategies, reference)
    judge(plan, folder, into=into, figures=figures)
    content = json.loads((into / "comparison.json").read_text(encoding="utf-8"))
    conditions = content["conditions"]
    shares = [c["cpu_share"] for c in conditions if c["cpu_share"] is not None]
    dates = sorted(c["date"] for c in conditions)
    print(f"### {folder.name}, against {plan.reference}\n")
    print(
        f"{len(content['seeds'])} blocks of {', '.join(plan.strategies)}, {content['budget_s']:g} s each, {conditions[0]['cores']} cores,"
        f" {dates[0]} to {dates[-1]} UTC. CPU share of a run: {min(shares):.0%} to {max(shares):.0%}, median {statistics.median(shares):.0%}.\n"
    )
    overhead = [c["wall_s"] - plan.budget_s for c in conditions]
    print(
        f"Seconds of a run beyond its budget: median {statistics.median(overhead):.1f}, largest {max(overhead):.1f}.\n"
    )
    trials(folder, plan, content)
    within_blocks(content["all_trials"], plan.reference)
    for name in ("all_trials", "without_collapsed"):
        if content[name]:
            print(f"{name.replace('_', ' ').capitalize()}:\n")
            contrasts(content[name], plan.reference)
    for c in content["early_stopping"]:
        print(
            f"- Rank correlation of epoch {c['rung']} with the last: {c['correlation']:.2f} [{c['low']:.2f}, {c['high']:.2f}], {c['curves']} full curves."
        )
    for i in content["importance"]:
        print(f"- Importance of `{i['key']}`: {i['share']:.0%} [{i['low']:.0%}, {i['high']:.0%}].")
    print()


def trials(folder: Path, plan: ComparePlan, content: dict[str, Any]) -> None:
    """Trials and epochs per run, where worker seconds went, and best errors."""
    columns = ["strategy", "trials a run", f"times those of {plan.reference}", "epochs a run", f"times those of {plan.reference}",
               "collapsed", "starting", "checkpointing", "best in blocks", "best validation MAE (eV), median and lowest",
               "its test MAE (eV), median"]  # fmt: skip
    print("| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|")
    for done in content["work"]:
        strategy = done["strategy"]
        runs = [load(folder / "runs" / f"{strategy}-{seed}") for seed in content["seeds"]]
        best = [r.summary["best"] for r in runs if r.summary["best"]]
        errors = [b["validation_mae_ev"] for b in best]
        row = [
            strategy,
            f"{done['trials']:.0f}",
            _paired(done["trials_ratio"]),
            f"{done['epochs']:.0f}",
            _paired(done["epochs_ratio"]),
            f"{content['collapsed_share'][strategy]:.0%}",
            f"{done['shares']['starting']:.1%}",
            f"{done['shares']['checkpointing']:.2%}",
            f"{done['best_in_blocks']:g}",
            f"{statistics.median(errors):.3f}, {min(errors):.3f}",
            f"{statistics.median(b['test_mae_ev'] for b in best):.3f}",
        ]
        print("| " + " | ".join(row) + " |")
    print()


def within_blocks(analysis: dict[str, Any], reference: str) -> None:
    """Smallest and largest ratio of the blocks in which both sides reached a target: what one run of each may say."""
    hit_s = {(t["strategy"], t["target"]["value"]): t["hit_s"] for t in analysis["times"]}
    for (strategy, target), ours in hit_s.items():
        theirs = hit_s[reference, target]
        ratios = [b / a for a, b in zip(ours, theirs, strict=True) if a is not None and b is not None]
        if strategy != reference and ratios:
            print(
                f"- {strategy} to {target:.3f} eV in single blocks: {min(ratios):.2f} to {max(ratios):.2f} times as fast as"
                f" {reference} ({len(ratios)} blocks in which both reach it)."
            )
    print()


def _paired(ratio: dict[str, Any] | None) -> str:
    return "1" if ratio is None else str(Ratio(**ratio))


def contrasts(analysis: dict[str, Any], reference: str) -> None:
    """Ratios and verdicts."""
    print(
        f"| strategy | target (eV) | times faster than {reference} | missed (it, {reference}) | P(before) | adjusted p | verdict |\n|---|---|---|---|---|---|---|"
    )
    for c in analysis["contrasts"]:
        r, share = Ratio(**c["ratio"]), c["target"]["share"]
        estimator = f", {r.estimator}" if r.value is not None and r.low is not None else ""
        before = f"{c['before']['probability']:.2f} [{c['before']['low']:.2f}, {c['before']['high']:.2f}]"
        target = f"{c['target']['value']:.3f}" + (f" (median at {share:g} B)" if share is not None else "")
        print(
            f"| {c['strategy']} | {target} | {r}{estimator} | {r.censored:.0%}, {r.censored_reference:.0%} | {before} | {c['p_adjusted']:.3f} | {c['verdict']['says']} |"
        )
    print()


def schedule(run: Path) -> None:
    """Seconds of ``perch schedule`` without validation."""
    from perch.schedule.command import make_schedule

    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as out:
        make_schedule(load(run), Path(out))
    print(f"perch schedule {run.name}: {time.perf_counter() - start:.1f} s")


def main() -> None:
    """Print what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, help="folders of comparisons")
    parser.add_argument("--strategies", help="some of the comparison's, by commas")
    parser.add_argument("--reference", help="one of them")
    parser.add_argument("--figures", type=Path, help="folder for comparison.json and the figures")
    parser.add_argument("--schedule", type=Path, help="a PBT run")
    options = parser.parse_args()
    chosen = options.strategies.split(",") if options.strategies else None
    with tempfile.TemporaryDirectory() as temporary:
        for folder in options.folders:
            into = options.figures or Path(temporary)
            comparison(folder, chosen, options.reference, into, figures=options.figures is not None)
    if options.schedule:
        schedule(options.schedule)


if __name__ == "__main__":
    main()
