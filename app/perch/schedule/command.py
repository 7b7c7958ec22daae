"""`perch schedule`: read the lineage, fit, write, and judge when asked."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from perch.errors import StudyError
from perch.programs.stretches import check_schedule
from perch.record.protocol import Record
from perch.schedule import figure
from perch.schedule.emit import as_json, as_python, as_yaml
from perch.schedule.fit import chosen, fit_all
from perch.schedule.inherited import inherited_by_best
from perch.schedule.retrain import Curve, train_curves
from perch.schedule.validate import Measure, Result, Task, judge
from perch.study import Study
from perch.vocabulary import TEST_MAE_EV, VALIDATION_MAE_EV


def make_schedule(run: Record, out: Path) -> list[str]:
    """Write schedule.json, schedule.py, schedule.yaml and the figure; return the lines to print."""
    lineage = inherited_by_best(run)
    fits = fit_all(lineage.rates)
    choice = chosen(fits)
    origin = f"trial {lineage.trial} of run {run.folder.name}"
    out.mkdir(parents=True, exist_ok=True)
    content = as_json(lineage, fits, choice.kind, run.folder.name)
    (out / "schedule.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    snippet = as_python(choice, origin)
    (out / "schedule.py").write_text(snippet, encoding="utf-8")
    if run.study.program is None:
        (out / "schedule.yaml").write_text(as_yaml(lineage, choice), encoding="utf-8")
    figure.write(lineage, choice, run.curves, out)
    moved = ", ".join(lineage.values)
    segments = lineage.rows.groupby(["trial_id", "segment"], sort=False).ngroups
    lines = [
        f"{origin}: {lineage.epochs} epochs in {segments} segments; changed along the way: {moved}",
        f"the population trained {lineage.total_epochs} epochs for it",
    ]
    for kind, fit in fits.items():
        mark = "  <- chosen (lowest criterion)" if kind == choice.kind else ""
        lines.append(f"{kind:>9}: {_words(fit.parameters)}; off by a factor of {_factor(fit.deviation)} (rms){mark}")
    forms = ".py, .png, .svg, .csv" if run.study.program is not None else ".py, .yaml, .png, .svg, .csv"
    lines += ["", snippet.rstrip(), "", f"written: {out}/schedule.json, {forms}"]
    return lines


def validate_schedule(run: Any, out: Path, seeds: int, say: Callable[[str], None]) -> list[str]:
    """Judge the schedule by re-training; writes judgement.json and returns the lines to print."""
    lineage = inherited_by_best(run)
    study = run.study
    if study.program is not None:
        check_schedule(study.program, lineage.values)
    elif not study.trainable_is_ours:
        raise StudyError(
            f"cannot judge the schedule of '{study.trainable_name}' by training again",
            why="only networks of Perch and programs that resume take a learning rate for every epoch",
            fix="put the schedule into your own code (schedule.py), and train that",
        )
    fit = chosen(fit_all(lineage.rates))

    def train(tasks: Sequence[Task], epochs: int) -> list[Result]:
        say(f"training {len(tasks)} configurations for {epochs} epochs")
        curves = train_curves(
            study, [t.config for t in tasks], [t.key for t in tasks], epochs, run.folder.parent / ".cache",
            done=lambda n: say(f"  {n} of {len(tasks)}") if n % 5 == 0 or n == len(tasks) else None,
        )  # fmt: skip
        return [_result(study, curve, epochs) for curve in curves]

    of_program = study.program is not None
    found = judge(
        lineage, fit, study.search_space, seeds, train, study.seed,
        rivals=("constant",) if of_program else ("constant", "cosine"),
        measure=Measure(study.metric, "", -1.0 if study.mode == "max" else 1.0) if of_program else Measure(),
    )  # fmt: skip
    (out / "judgement.json").write_text(json.dumps(found.as_dict(), indent=1) + "\n", encoding="utf-8")
    return [*found.lines(), f"written: {out}/judgement.json"]


def _result(study: Study, curve: Curve, epochs: int) -> Result:
    """Errors at the epoch that is best by validation, of a program its metric there; a training that diverged has none."""
    if len(curve) < epochs:
        return Result(math.inf, math.inf)
    if study.program is not None:
        sign = -1.0 if study.mode == "max" else 1.0
        lowest = min(sign * float(row[study.metric]) for row in curve)
        return Result(lowest, lowest)
    best = min(curve, key=lambda row: float(row[VALIDATION_MAE_EV]))
    return Result(float(best[VALIDATION_MAE_EV]), float(best.get(TEST_MAE_EV, math.nan)))


def _words(parameters: dict[str, object]) -> str:
    def one(value: object) -> str:
        if isinstance(value, list):
            return "[" + ", ".join(one(v) for v in value) + "]"
        return f"{value:.3g}" if isinstance(value, float) else str(value)

    return ", ".join(f"{k} {one(v)}" for k, v in parameters.items())


def _factor(deviation_ln: float) -> str:
    return f"{math.exp(deviation_ln):.2f}"
