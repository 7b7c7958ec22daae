"""``perch train`` for a training program: one configuration, trained to the end with several seeds, without Ray."""

from __future__ import annotations

import json
import math
import shutil
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from perch.atomic import replacing
from perch.command import Command
from perch.errors import PerchError, RecordError, StudyError
from perch.programs.config.check import check_program
from perch.programs.config.complete import complete
from perch.programs.config.configure import seed_of
from perch.programs.keeper import ABOUT
from perch.programs.order import Order
from perch.programs.stretches import Schedule, check_schedule, stretches
from perch.programs.training import Training
from perch.study import Study

Say = Callable[[str], object]


def train_program(
    study: Study, config: Mapping[str, Any], folder: Path, *, repeats: int, epochs: int | None, say: Say,
    schedule: Schedule | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Train with ``repeats`` seeds; those that have a result in ``folder`` are not trained anew. Writes ``train.json``, ``best/``.

    ``schedule``: values by epoch, for which the program is stopped and gone on with where they change. Returns mean and deviation of the metric's best value over the seeds that did not fail. Raises StudyError for a study or
    a configuration that cannot run, RecordError for a folder of another training.
    """
    assert study.program is not None
    if repeats < 1 or (epochs is not None and epochs < 1):
        raise StudyError(
            "there is nothing to train", why=f"--repeats {repeats}, --epochs {epochs}", fix="give 1 or more of each"
        )
    spec = complete(study.program, Path(study.base))
    given = dict(schedule or {})
    check_schedule(spec, given)
    space = study.search_space
    full = space.complete({**space.fixed, **{key: values[0] for key, values in given.items()}, **config})
    for problem in space.problems(full):
        raise StudyError(
            "--config does not fit the study's space",
            why=problem,
            fix="give a run's best/config.json, or widen the space",
        )
    longest = max((len(values) for values in given.values()), default=0)
    study = study.model_copy(update={"trainable": spec, "epochs": epochs or max(study.epochs, longest)})
    check_program(study, spec)
    _claim(folder, {
        "config": full, "epochs": study.epochs, "trainable": spec.model_dump(mode="json", exclude_unset=True),
        **({"schedule": given} if given else {}),
    })  # fmt: skip
    results = [_train(study, spec, full, folder, study.seed + number, say, given) for number in range(repeats)]
    summary = _summary(study, full, results)
    _write(folder / "train.json", summary)
    _keep_best(study, folder, results)
    return summary


def lines(summary: Mapping[str, Any]) -> list[str]:
    """For people."""
    metric = summary["metric"]
    out = [
        f"seed {r['seed']}: {r['error']}"
        if r["error"]
        else f"seed {r['seed']}: {metric} {r['value']:.4g} at epoch {r['epoch']}"
        for r in summary["results"]
    ]
    if summary["deviation"] is not None:
        out.append(
            f"{metric} {summary['value']:.4g} +- {summary['deviation']:.2g} over {len(summary['results'])} seeds"
        )
    return out


def _train(
    study: Study, spec: Command, config: Mapping[str, Any], folder: Path, seed: int, say: Say, schedule: Schedule
) -> dict[str, Any]:
    path = folder / "seeds" / f"{seed}.json"
    if path.is_file():
        say(f"seed {seed}: trained already")
        done: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return done

    def told(row: Mapping[str, Any]) -> None:
        say(f"seed {seed}, epoch {row['epoch']} of {study.epochs}: {study.metric} {row[study.metric]:.4g}")

    reseeded = study.model_copy(update={"seed": seed})
    rows, error = train_rows(
        reseeded,
        spec,
        config,
        folder / "trials",
        "train",
        trial=f"seed-{seed}",
        epochs=study.epochs,
        each=told,
        schedule=schedule,
    )
    best = _best(study, rows)
    result = {
        "seed": seed, "error": error, "value": best[study.metric] if best else None, "epoch": best["epoch"] if best else None,
        "metrics": best or {}, "rows": rows,
    }  # fmt: skip
    _write(path, result)
    return result


def train_rows(
    study: Study, spec: Command, config: Mapping[str, Any], trials: Path, key: str, *, epochs: int, trial: str = "0",
    each: Callable[[dict[str, Any]], None] = lambda _: None, schedule: Schedule | None = None,
) -> tuple[list[dict[str, Any]], str | None]:  # fmt: skip
    """Train one configuration in this process with the randomness of (study's seed, ``key``), below the folder ``trials``.

    ``schedule``: values by epoch; every stretch of constant ones is a start of the program, from the checkpoint before.
    Returns its rows, a mapping of metrics per epoch, and what ended it early in words, or None.
    """
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="perch-handed-over-") as handed_over:
        parts = stretches(schedule or {}, epochs)
        for number, part in enumerate(parts):
            order = Order(
                trial, number, seed_of(study.seed, key), study.epochs, study.resources.cpus, study.resources.gpus_each, str(trials),
                study.metric, study.mode, math.inf,
            )  # fmt: skip
            training = Training(spec, order, {**config, **part.values})
            try:
                if number:
                    training.load(Path(handed_over, str(number)))
                while training.epoch < part.end and (row := training.next_epoch()) is not None:
                    rows.append({"epoch": training.epoch, **row})
                    each(rows[-1])
                if training.epoch < part.end:
                    break
                if number + 1 < len(parts):
                    training.save(Path(handed_over, str(number + 1)))
            except PerchError as problem:
                return rows, problem.what
            finally:
                training.close()
    return rows, None


def _best(study: Study, rows: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    sign = -1.0 if study.mode == "max" else 1.0
    return min(rows, key=lambda r: sign * float(r[study.metric]), default=None)


def _summary(study: Study, config: Mapping[str, Any], results: list[dict[str, Any]]) -> dict[str, Any]:
    values = [r["value"] for r in results if r["error"] is None]
    return {
        "config": dict(config), "epochs": study.epochs, "metric": study.metric,
        "value": statistics.fmean(values) if values else None,
        "deviation": statistics.stdev(values) if len(values) > 1 else None,
        "diverged": [r["seed"] for r in results if r["error"] is not None],
        "results": [{k: v for k, v in r.items() if k != "rows"} for r in results],
    }  # fmt: skip


def _keep_best(study: Study, folder: Path, results: list[dict[str, Any]]) -> None:
    """``best/`` as a run leaves it: of the seed that did best."""
    good = [r for r in results if r["value"] is not None]
    winner = _best(study, [{**r["metrics"], "seed": r["seed"]} for r in good])
    if winner is None:
        return
    name, sign = f"seed-{winner['seed']}", -1.0 if study.mode == "max" else 1.0
    homes = [
        folder / "trials" / name,
        *(folder / "trials").glob(f"{name}-*"),
    ]  # a folder for each stretch of a schedule
    kept = {path: json.loads(path.read_text())["value"] for h in homes if (path := h / "best" / ABOUT).is_file()}
    if kept:
        best = min(kept, key=lambda path: sign * float(kept[path]))
        shutil.copytree(best.parent, folder / "best", dirs_exist_ok=True)


def _claim(folder: Path, order: Mapping[str, Any]) -> None:
    """Begin a folder, or make sure that what it holds is the same training."""
    (folder / "seeds").mkdir(parents=True, exist_ok=True)
    path = folder / "order.json"
    asked = json.loads(json.dumps(order))
    if not path.is_file():
        _write(path, asked)
        return
    before = json.loads(path.read_text(encoding="utf-8"))
    differing = sorted(k for k in asked if before.get(k) != asked[k])
    if differing:
        raise RecordError(
            f"'{folder}' holds another training",
            why=f"these differ: {', '.join(differing)}",
            fix="give another --run-id",
        )


def _write(path: Path, content: Mapping[str, Any]) -> None:
    with replacing(path) as part:
        part.write_text(json.dumps(content, indent=1), encoding="utf-8")
