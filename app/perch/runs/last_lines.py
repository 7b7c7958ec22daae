"""The lines that a run prints at its end: the winner, what it was measured against, the next command."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from perch.formatting import configuration, short_path
from perch.record.reading import Run
from perch.record.winner_file import read_about
from perch.record.words import selection, totals, winner_line, worth_it
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
    yield from _result(run)
    fill_ins = int(run.trials.by.str.startswith("random (").sum())
    if fill_ins:
        yield f"  note:    {fill_ins} of {len(run.trials)} configurations were drawn at random where the searcher had none"
    if run.summary["losses"]:
        kinds = ", ".join(f"{n} {failure}" for failure, n in run.summary["losses"].items())
        yield f"  note:    faults of workers or machines, tried again: {kinds}"
    if run.summary.get("avoided_nodes"):
        yield f"  note:    not used any more, for faults of their own: {', '.join(run.summary['avoided_nodes'])}"
    if (run.trials.segments > 1).any():
        yield f"  judge:   perch schedule {shlex.quote(folder)} --validate 5    (trains the population's schedule again)"
    yield f"  report:  {folder}/report.html"
    yield f"  next:    perch board {shlex.quote(folder)}" + (
        f"    perch predict {shlex.quote(folder)} STRUCTURES" if run.study.trainable_is_ours else ""
    )


def _result(run: Run) -> Iterator[str]:
    summary = run.summary
    yield f"{summary['run_id']}: {totals(summary)}"
    won = summary["winner"]
    if won is None:
        yield "  no trial reported anything"
        return
    yield f"  winner:  {winner_line(summary)}"
    yield f"           {configuration(won['config'])}"
    for sentence in selection(summary):
        yield f"           {sentence}"
    for n, (_, sentence) in enumerate(worth_it(summary)):
        yield f"  {'against:' if n == 0 else '        '} {sentence}"
    if not won["seeds"]:
        named = [f"{k.replace('_', ' ')} {v:.3f} eV" for k, v in summary["baselines"].items() if v is not None]
        if named:
            yield f"  against: {', '.join(named)} (validation MAE of the baselines)"
    if summary["beats_ridge"] is False:
        yield "           this run loses to a ridge regression on composition: do not use its model"
    about = read_about(run.folder / "best")
    for line in [] if about is None else about["words"][1:]:
        yield f"  model:   {line}"
