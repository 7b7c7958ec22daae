"""`perch compare` in two forms: run a plan and judge it, or judge runs that exist."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from perch.compare.outcome import conclude
from perch.compare.runs.drive import condition_of, drive, runs_folder
from perch.compare.runs.plan import ComparePlan, extend, load_plan, make_plan, part_of, save
from perch.compare.statistics.reach import check_reach
from perch.errors import RecordError, StudyError
from perch.record.protocol import Record
from perch.runs.check import check_metric
from perch.runs.resume import command_that_resumes


def compare_study(
    given: Sequence[str],
    strategies: Sequence[str],
    seeds: int,
    time_budget: str,
    *,
    reference: str | None,
    targets: Sequence[float],
    out: Path | None,
    run_id: str | None,
    resume: bool,
    only: int | None,
    min_cpu_share: float,
    overrides: Sequence[str],
    allow_test_metric: bool = False,
) -> int:
    """Run (or resume, or extend) a comparison of a study, and judge it. Returns the exit code."""
    from perch.fields import seconds
    from perch.study import load

    if len(given) > 1:
        raise StudyError(
            f"cannot compare {', '.join(given)}", why="more than one word, and not all are folders of runs",
            fix="give one study file, or folders of runs",
        )  # fmt: skip
    study = load(given[0] if given else None, overrides)
    check_metric(study, allow_test_metric)
    try:
        budget_s = float(seconds(time_budget))
    except ValueError as error:
        raise StudyError(f"--time-budget {time_budget}", why=str(error), fix="write 10m, say") from error
    plan = make_plan(study, strategies, seeds, budget_s, reference)
    check_reach(len(plan.seeds), len(plan.strategies), len(targets))
    root = out.absolute() if out is not None else study.path(study.storage)
    folder = _folder(root, study.name, run_id, resume)
    if (folder / "plan.json").is_file():
        plan = extend(load_plan(folder), plan)
    if only is not None and not 0 <= only < len(plan.jobs()):
        raise StudyError(
            f"--only {only}", why=f"the plan has runs 0 to {len(plan.jobs()) - 1}", fix="give one of these numbers"
        )
    save(plan, folder)
    try:
        code = drive(
            plan, folder, only=only, min_cpu_share=min_cpu_share, say=lambda line: print(line, flush=True),
            ended=(lambda: refresh(plan, folder, targets)) if only is None else None,
        )  # fmt: skip
    except KeyboardInterrupt:  # between two runs
        code = 75
    if code == 75:
        print(f"interrupted; go on with: {command_that_resumes(sys.argv[1:], root, folder.name)}")
    if code == 0 and only is None:
        _say(judge(plan, folder, targets), folder)
    return code


def judge(
    plan: ComparePlan, folder: Path, targets: Sequence[float] = (), into: Path | None = None, figures: bool = True
) -> list[str]:
    """The lines of a comparison from the runs that its folder holds; files go ``into`` a folder, that one by default."""
    from perch.record import load

    ended = [(job, condition) for job in plan.jobs() if (condition := condition_of(folder, job)) is not None]
    runs: list[tuple[str, Record]] = [(job.strategy, load(runs_folder(folder) / job.label)) for job, _ in ended]
    return conclude(
        runs, into or folder, reference=plan.reference, budget_s=plan.budget_s, targets=targets, planned=plan.planned,
        conditions=[asdict(condition) for _, condition in ended], figures=figures,
    )  # fmt: skip


def compare_runs(
    folders: Sequence[Path],
    *,
    out: Path | None,
    run_id: str | None,
    reference: str | None,
    targets: Sequence[float],
    strategies: Sequence[str] | None = None,
) -> int:
    """Judge runs that exist, or the runs of a comparison's folder: all of them, or the strategies that are named."""
    from perch.record import load

    if len(folders) == 1 and (folders[0] / "plan.json").is_file():
        return _judge_again(folders[0], strategies, reference, out, run_id, targets)
    if strategies is not None:
        raise StudyError(
            "--strategies chooses from a comparison", why="runs that exist have their strategies",
            fix="leave it out, and name the runs that you want",
        )  # fmt: skip
    runs = [(str(run.summary["strategy"]), run) for run in map(load, folders)]
    target = (out or folders[0].absolute().parent) / (run_id or time.strftime("comparison-%Y%m%d-%H%M%S"))
    _say(conclude(runs, target, reference=reference, targets=targets, planned=None), target, folders)
    return 0


def _judge_again(
    folder: Path, strategies: Sequence[str] | None, reference: str | None, out: Path | None, run_id: str | None,
    targets: Sequence[float],
) -> int:  # fmt: skip
    """Another question has a folder of its own next to the comparison's, so that the first answer stays."""
    folder = folder.resolve()  # "." has no name
    plan = load_plan(folder)
    asked = part_of(plan, strategies, reference)
    name = folder.name if asked == plan else f"{folder.name}-{'-'.join(asked.strategies)}-by-{asked.reference}"
    into = (out or folder.parent) / (run_id or name)
    elsewhere = (
        []
        if into.resolve() == folder
        else [runs_folder(folder) / job.label for job in asked.jobs() if condition_of(folder, job)]
    )
    _say(judge(asked, folder, targets, into), into, elsewhere)
    return 0


def _folder(root: Path, name: str, run_id: str | None, resume: bool) -> Path:
    if run_id is not None:
        if not run_id or "/" in run_id or run_id in (".", ".."):
            raise StudyError(
                f"--run-id '{run_id}' cannot name a folder", why="it is empty or holds a slash", fix="use a plain name"
            )
        return root / run_id
    if resume:
        plans = sorted(root.glob("*/plan.json"), key=lambda p: p.stat().st_mtime)
        if not plans:
            raise RecordError(
                f"no comparison to resume in '{root}'", why="no folder holds a plan.json", fix="leave --resume out"
            )
        return plans[-1].parent
    return root / f"{name}-compare-{time.strftime('%Y%m%d-%H%M%S')}"


def refresh(plan: ComparePlan, folder: Path, targets: Sequence[float] = ()) -> None:
    """Write the page of a comparison that goes on; what cannot be said yet is left out, and nothing here ends it."""
    from perch.report.several import refresh_comparison

    try:
        if complete_blocks(plan, folder):
            judge(plan, folder, targets)
        refresh_comparison(folder, len(plan.jobs()))
    except Exception as error:  # hours of runs must not end because of a picture; at the end the page is written again, and then an error is one
        print(f"the page of the comparison was not refreshed: {type(error).__name__}: {error}", flush=True)


def complete_blocks(plan: ComparePlan, folder: Path) -> int:
    """Seeds for which every strategy's run has ended."""
    ended = {(job.strategy, job.seed) for job in plan.jobs() if condition_of(folder, job) is not None}
    return sum(all((strategy, seed) in ended for strategy in plan.strategies) for seed in plan.seeds)


def _say(text: Sequence[str], folder: Path, runs: Sequence[Path] = ()) -> None:
    """What was found; the page, which is written now, comes last. ``runs``: where they lie, if not in the folder."""
    from perch.report.several import comparison_page

    print("\n".join(text))
    print(f"written: {folder}/comparison.json and {folder}/figures/", flush=True)
    print(f"page:    {comparison_page(folder, runs)}")
