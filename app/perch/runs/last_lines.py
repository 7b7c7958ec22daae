"""The lines that a run prints at its end: the best configuration, the baselines, the next command."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from perch.formatting import configuration, duration, short_path
from perch.runs.outcome import DONE, ENDINGS, Outcome
from perch.runs.resume import resume_command


def closing(outcome: Outcome) -> Iterator[str]:
    """Lines for people."""
    folder = short_path(outcome.folder.path)
    if outcome.code != DONE:
        ending = ENDINGS[outcome.ending]
        words = {"why": outcome.why, "folder": folder, "kept": outcome.kept, "trial": outcome.trial}
        for line in (ending.words, *ending.next):
            if outcome.trial or "{trial}" not in line:
                yield line.format(**words, resume=resume_command(outcome) if "{resume}" in line else "")
        return
    from perch.record import load

    run = load(outcome.folder.path)
    yield from _result(run.summary)
    fill_ins = int(run.trials.by.str.startswith("random (").sum())
    if fill_ins:
        yield f"  note:    {fill_ins} of {len(run.trials)} configurations were drawn at random where the searcher had none"
    if run.summary["losses"]:
        kinds = ", ".join(f"{n} {failure}" for failure, n in run.summary["losses"].items())
        yield f"  note:    faults of workers or machines, tried again: {kinds}"
    if (run.trials.segments > 1).any():
        yield f"  judge:   perch schedule {shlex.quote(folder)} --validate 5    (trains the population's schedule again)"
    yield f"  report:  {folder}/report.html"
    yield f"  next:    perch board {shlex.quote(folder)}" + (
        f"    perch predict {shlex.quote(folder)} STRUCTURES" if run.study.trainable_is_ours else ""
    )


def _result(summary: dict[str, Any]) -> Iterator[str]:
    best = summary["best"]
    share = f"{summary['trials']} trials, {summary['failed']} failed, {duration(summary['wall_s'])}"
    yield f"{summary['run_id']}: {share}"
    if best is None:
        yield "  no trial reported anything"
        return
    yield f"  best:    trial {best['trial_id']}, epoch {best['epoch']}: {configuration(best['config'])}"
    if best["validation_mae_ev"] is None:
        yield f"           {summary['metric']} {best['value']:.4g}"
        if (confirmed := best["confirmed"]) is not None:
            seeds = "a fresh seed" if confirmed["seeds"] == 1 else f"{confirmed['seeds']} fresh seeds"
            spread = "" if confirmed["value_deviation"] is None else f" ± {confirmed['value_deviation']:.2g}"
            yield f"           trained with {seeds}: {summary['metric']} {confirmed['value']:.4g}{spread}"
        return
    test = "" if best["test_mae_ev"] is None else f", test MAE {best['test_mae_ev']:.3f} eV"
    yield f"           validation MAE {best['validation_mae_ev']:.3f} eV{test}"
    if (confirmed := best["confirmed"]) is not None and confirmed["validation_mae_ev"] is not None:
        test = "" if confirmed["test_mae_ev"] is None else f", test MAE {confirmed['test_mae_ev']:.3f} eV"
        seeds = "a fresh seed" if confirmed["seeds"] == 1 else f"{confirmed['seeds']} fresh seeds"
        yield f"           trained again with {seeds}: validation MAE {confirmed['validation_mae_ev']:.3f} eV{test}"
    named = [f"{k.replace('_', ' ')} {v:.3f} eV" for k, v in summary["baselines"].items() if v is not None]
    if named:
        yield f"  against: {', '.join(named)} (validation MAE of the baselines)"
    if summary["beats_ridge"] is False:
        yield "           this run loses to a ridge regression on composition: do not use its model"
