"""One configuration trained plainly, repeated over seeds: `perch train`."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perch.errors import RecordError, StudyError
from perch.study import Study
from perch.vocabulary import TEST_MAE_EV, VALIDATION_MAE_EV

Say = Callable[[str], None]


@dataclass(frozen=True)
class Order:
    """What is to be trained: the study's data and model, one complete configuration, seeds and epochs."""

    study: Study
    config: Mapping[str, Any]
    epochs: int
    seeds: tuple[int, ...]


def read_config(path: Path) -> dict[str, Any]:
    """A configuration from JSON: ``best/config.json``, ``schedule.json``, or the bare mapping."""
    content = _read(path, "configuration")
    return dict(content["config"]) if isinstance(content.get("config"), Mapping) else content


def read_schedule(path: Path) -> dict[str, list[Any]]:
    """Values by epoch from JSON: ``schedule.json`` of ``perch schedule``, or ``{"lr": [0.01, 0.01, 0.003]}``."""
    content = _read(path, "schedule")
    schedule = content.get("lr_schedule", content)
    if not isinstance(schedule, Mapping) or not all(isinstance(v, list) for v in schedule.values()):
        raise StudyError(
            f"'{path}' holds no schedule", why="a schedule lists one value per epoch: {\"lr\": [0.01, 0.01, 0.003]}",
            fix="give the schedule.json that perch schedule wrote",
        )  # fmt: skip
    return {str(k): list(v) for k, v in schedule.items()}


def _read(path: Path, what: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StudyError(
            f"cannot read the {what} '{path}'", why=error.strerror or str(error), fix="give a JSON file"
        ) from error
    except ValueError as error:
        raise StudyError(f"the {what} '{path}' is not JSON", why=str(error), fix="give a JSON file") from error
    if not isinstance(content, dict):
        raise StudyError(
            f"the {what} '{path}' is not a mapping", why=f"it holds a {type(content).__name__}", fix="write {{…}}"
        )
    return content


def make_order(
    study: Study, config: Mapping[str, Any], schedule: Mapping[str, Any] | None, repeats: int, epochs: int | None
) -> Order:
    """Check everything before anything starts. Values that the space fixes are filled in, as in a run."""
    from perch.training.keys import complete

    if repeats < 1:
        raise StudyError(f"--repeats {repeats}", why="there is nothing to train", fix="give 1 or more")
    if epochs is not None and epochs < 1:
        raise StudyError(f"--epochs {epochs}", why="there is nothing to train", fix="give 1 or more")
    if not study.trainable_is_ours:
        raise StudyError(
            f"cannot train '{study.trainable_name}' plainly", why="only Perch's own models can be trained without Ray",
            fix="use trainable: cgcnn",
        )  # fmt: skip
    fixed = study.search_space.fixed
    full = complete({**fixed, **config, **({"lr_schedule": dict(schedule)} if schedule else {})})
    length = max((len(v) for v in schedule.values()), default=0) if schedule else 0
    return Order(study, full, epochs or max(study.epochs, length), tuple(range(study.seed, study.seed + repeats)))


def train(order: Order, folder: Path, progress: Callable[[int, dict[str, Any]], None], say: Say) -> dict[str, Any]:
    """Train every seed that has no result yet, write ``train.json`` and ``best/``, and return the summary."""
    from perch.training.assigned import device_here
    from perch.training.cache import prepared_for
    from perch.training.plain import train_plain
    from perch.training.weights import keep

    study = order.study
    _claim(order, folder)
    data = study.data.model_dump()
    prepared = prepared_for(data, Path(study.base), folder.parent / ".cache", order.config)
    threads = max(1, int(study.resources.cpus))
    device = device_here(study.resources.gpus_each)
    for seed in order.seeds:
        if (folder / "seeds" / f"{seed}.json").is_file():
            say(f"seed {seed}: trained already")
            continue
        (found,) = train_plain(
            prepared,
            order.config,
            order.epochs,
            [seed],
            progress=progress,
            threads=threads,
            model=study.trainable_name,
            device=device,
            tf32=study.resources.tf32,
        )
        if found.best is not None:
            keep(folder / "weights", found.best)
        result = {
            "seed": seed, "epoch": found.best.epoch if found.best else None, "error": found.error.what if found.error else None,
            VALIDATION_MAE_EV: found.validation_mae_ev if found.best else None, TEST_MAE_EV: found.test_mae_ev,
            "rows": found.rows,
        }  # fmt: skip
        _write(folder / "seeds" / f"{seed}.json", result)
    summary = summarise(order, folder)
    _write(folder / "train.json", summary)
    _write_best(order, folder, prepared, summary)
    return summary


def summarise(order: Order, folder: Path) -> dict[str, Any]:
    """Mean and deviation over the seeds that did not diverge, and how many did."""
    results = [json.loads((folder / "seeds" / f"{seed}.json").read_text(encoding="utf-8")) for seed in order.seeds]
    finite = [r for r in results if r["error"] is None]
    out: dict[str, Any] = {
        "config": dict(order.config), "epochs": order.epochs, "seeds": list(order.seeds),
        "diverged": [r["seed"] for r in results if r["error"] is not None],
        "results": [{k: v for k, v in r.items() if k != "rows"} for r in results],
    }  # fmt: skip
    for name in (VALIDATION_MAE_EV, TEST_MAE_EV):
        values = [r[name] for r in finite if r[name] is not None]
        out[name] = statistics.fmean(values) if values else None
        out[f"{name}_deviation"] = statistics.stdev(values) if len(values) > 1 else None
    return out


def lines(summary: Mapping[str, Any]) -> list[str]:
    """For people."""
    out = []
    for r in summary["results"]:
        if r["error"] is not None:
            out.append(f"seed {r['seed']}: {r['error']}")
            continue
        test = f", test {r[TEST_MAE_EV]:.4f} eV" if r[TEST_MAE_EV] is not None else ""
        out.append(f"seed {r['seed']}: validation {r[VALIDATION_MAE_EV]:.4f} eV at epoch {r['epoch']}{test}")
    for name, word in ((VALIDATION_MAE_EV, "validation"), (TEST_MAE_EV, "test")):
        if summary[name] is not None and summary[f"{name}_deviation"] is not None:
            out.append(
                f"{word} MAE {summary[name]:.4f} +- {summary[f'{name}_deviation']:.4f} eV over {len(summary['seeds'])} seeds"
            )
    return out


def _claim(order: Order, folder: Path) -> None:
    """Begin a folder, or make sure that what it holds is the same training."""
    (folder / "seeds").mkdir(parents=True, exist_ok=True)
    given = {
        "config": json.loads(json.dumps(dict(order.config))), "epochs": order.epochs, "trainable": order.study.trainable_name,
        "data": order.study.data.model_dump(mode="json"),
    }  # fmt: skip
    path = folder / "order.json"
    if path.is_file():
        before = json.loads(path.read_text(encoding="utf-8"))
        differing = sorted(k for k in given if before.get(k) != given[k])
        if differing:
            raise RecordError(
                f"'{folder}' holds another training",
                why=f"these differ: {', '.join(differing)}",
                fix="give another --run-id",
            )
    else:
        _write(path, given)


def _write_best(order: Order, folder: Path, prepared: Any, summary: Mapping[str, Any]) -> None:
    """``best/`` in the form that a run leaves: the seed that is best by validation, and the next four."""
    from perch.training.assigned import device_here
    from perch.training.loop import Training
    from perch.training.weights import read_kept, save_best

    ranked = sorted(
        (r for r in summary["results"] if r["error"] is None), key=lambda r: float(r[VALIDATION_MAE_EV])
    )  # fmt: skip
    models = []
    for r in ranked[:5]:
        kept = read_kept(folder / "weights" / f"seed-{r['seed']}.pt")
        training = Training(
            prepared,
            order.config,
            epochs=order.epochs,
            seed=r["seed"],
            key=f"train-{r['seed']}",
            device=device_here(order.study.resources.gpus_each),
            model=order.study.trainable_name,
        )
        about = {"run_id": folder.name, VALIDATION_MAE_EV: r[VALIDATION_MAE_EV], TEST_MAE_EV: r[TEST_MAE_EV]}
        models.append((training, kept, about))
    if models:
        save_best(folder / "best", models)


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)
