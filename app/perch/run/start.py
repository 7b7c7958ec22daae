"""Before a run starts: everything that can be wrong is found here, and whether there is something to go on with."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perch.errors import RecordError, StudyError
from perch.run.events import read
from perch.run.folder import RunFolder
from perch.strategies.plan import Past, Plan
from perch.strategies.strategy import Strategy
from perch.study import Points, Study, parse, read_yaml

MAY_CHANGE = ("budget", "confirm", "resources", "log", "storage", "base", "versions")
"""What a resumed run may be given anew; everything else must be as the run began."""


def resolved(study: Study) -> Study:
    """The study with its space written out and points of an earlier run looked up: what the run folder keeps."""
    space = study.search_space
    points = study.points
    if isinstance(points, Points):
        points = _best_configs(study.path(points.run), points.top)
    data = study.data
    if data.path is not None and "://" not in data.path:
        data = data.model_copy(update={"path": str(study.path(data.path))})
    changes = {"space": space.spec(), "points": points, "data": data, "strategy": _with_architecture(study)}
    return parse({**study.model_dump(by_alias=True), **_plain(changes)})


def _plain(changes: dict[str, Any]) -> dict[str, Any]:
    return {k: v.model_dump(by_alias=True) if hasattr(v, "model_dump") else v for k, v in changes.items()}


def _with_architecture(study: Study) -> str | dict[str, Any]:
    """The strategy's settings, with ``architecture: {from: RUN}`` replaced by the values of that run's best trial."""
    strategy = study.strategy
    wanted = strategy.get("architecture") if isinstance(strategy, dict) else None
    if not isinstance(strategy, dict) or not isinstance(wanted, dict) or "from" not in wanted:
        return strategy
    from perch.strategies.population import take_architecture
    from perch.training.keys import ARCHITECTURE_KEYS

    [best] = _best_configs(study.path(str(wanted["from"])), 1)
    keys = ARCHITECTURE_KEYS if study.trainable_is_ours else tuple(best)
    return {**strategy, "architecture": take_architecture(study.search_space, best, keys)}


def expected_workers(study: Study) -> int:
    """How many trials will train at once, as far as it is known before Ray is up."""
    if os.environ.get("RAY_ADDRESS"):
        return int(os.environ.get("PERCH_WORKERS", "8"))
    return max(int(len(os.sched_getaffinity(0)) / study.resources.cpus), 1)


def build_strategy(study: Study) -> Strategy:
    """The strategy of a resolved study, as a run needs it: no ask blocks. Raises StrategyError for what it cannot do."""
    from perch.run import dragonfly, gp
    from perch.strategies.registry import build

    keys: dict[str, Any] = {}
    if study.trainable_is_ours:
        from perch.training.keys import ALGORITHM_KEYS, ARCHITECTURE_KEYS

        keys = {"algorithm_keys": ALGORITHM_KEYS, "architecture_keys": ARCHITECTURE_KEYS}
    points = study.points if isinstance(study.points, list) else []
    plan = Plan(
        space=study.search_space,
        epochs=study.epochs,
        trials=study.budget.trials,
        seed=study.seed,
        points=tuple(points),
        history=history(study),
        workers=expected_workers(study),
        can_checkpoint=study.checkpoints != "none",
        **keys,
    )
    searcher = dragonfly.searcher(study.strategy, plan) or gp.searcher(study.strategy, plan)
    return build(study.strategy, plan, searcher)


def history(study: Study) -> tuple[Past, ...]:
    """Trials of the run that ``history:`` names, for a searcher to learn from. Their space must be the study's."""
    if study.history is None:
        return ()
    folder = RunFolder(study.path(study.history))
    other = load_study(folder)
    mine, theirs = study.search_space.spec(), other.search_space.spec()
    differing = sorted(k for k in {*mine, *theirs} if mine.get(k) != theirs.get(k))
    if differing:
        raise StudyError(
            f"history '{study.history}' comes from another space",
            why=f"these keys differ: {', '.join(differing)}",
            fix="use a run of the same space, or its best configurations as points: {from: RUN, top: 5}",
        )
    configs: dict[str, dict[str, Any]] = {}
    curves: dict[str, list[tuple[int, float]]] = {}
    failed: set[str] = set()
    for event in read(folder.events):
        if event["e"] == "trial" and event.get("phase", "search") == "search":
            configs[event["id"]], curves[event["id"]] = event["config"], []
        elif event["e"] == "result" and event["id"] in curves:
            curves[event["id"]].append((event["epoch"], event["value"]))
        elif event["e"] == "error" and event.get("failure") != "ended":
            failed.add(event["id"])
    return tuple(Past(configs[t], tuple(c), t in failed) for t, c in curves.items() if c or t in failed)


def _best_configs(path: Path, top: int) -> list[dict[str, Any]]:
    from perch.run.confirm import configs_of

    folder = RunFolder(path)
    load_study(folder)
    best: dict[str, float] = {}
    for event in read(folder.events):
        if event["e"] == "result" and not event["id"].startswith("confirm-"):
            best[event["id"]] = min(event["value"], best.get(event["id"], float("inf")))
    if not best:
        raise RecordError(
            f"the run '{path}' has no results", why="nothing was reported", fix="take points from another run"
        )
    names = sorted(best, key=lambda t: best[t])[:top]
    return list(configs_of(read(folder.events), names).values())


def load_study(folder: RunFolder) -> Study:
    """The study of a run folder."""
    if not folder.study.is_file():
        raise RecordError(
            f"'{folder.path}' is not a run",
            why="it holds no study.yaml" if folder.path.is_dir() else "no such folder",
            fix="give the folder of a run: OUT/<run id>",
        )
    return parse(read_yaml(folder.study.read_text(encoding="utf-8"), str(folder.study)), str(folder.study))


def check(study: Study) -> None:
    """Everything that can be found before Ray starts and without anything heavy."""
    build_strategy(study)
    if study.trainable_is_ours:
        from perch.data.prepare import check as check_data
        from perch.training.keys import complete

        check_models(study)
        check_data(study.data, Path(study.base))
        complete(study.search_space.draw(study.seed, 0))
    else:
        foreign_trainable(study)
    cpus = study.resources.cpus
    here = len(os.sched_getaffinity(0))
    if not os.environ.get("RAY_ADDRESS") and cpus > here:
        raise StudyError(
            f"resources.cpus: a trial needs {cpus:g} cores", why=f"this machine offers {here}", fix="ask for fewer"
        )
    if "wandb" in study.log:
        from perch.boards.wandb_process import require

        require()


def check_models(study: Study) -> None:
    """The trainable must be a model of Perch. Torch is imported only for a name that is not one of the usual."""
    if study.trainable not in ("cgcnn", "cgconv"):
        from perch.model import MODELS

        MODELS.get(study.trainable)


def foreign_trainable(study: Study) -> Any:
    """Import ``module:name`` from the study's folder."""
    module, _, name = study.trainable.partition(":")
    with _import_path(study.base):
        try:
            found = getattr(importlib.import_module(module), name)
        except Exception as error:
            raise StudyError(
                f"the trainable '{study.trainable}' cannot be imported",
                why=f"{type(error).__name__}: {error}",
                fix=f"it is looked for in {Path(study.base).absolute()} and in the environment; correct name or module",
            ) from error
    if not callable(found):
        raise StudyError(
            f"the trainable '{study.trainable}' is not a class or a function", why=f"it is {found!r}", fix="name one"
        )
    return found


@contextlib.contextmanager
def _import_path(base: str) -> Iterator[None]:
    folder = str(Path(base).absolute())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    yield


# --- which folder ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Target:
    """The folder of a run and whether it holds one already."""

    folder: RunFolder
    resuming: bool


def target(study: Study, out: Path, run_id: str | None, resume: bool) -> Target:
    """Where the run goes, and whether it goes on. Raises for a run of another study."""
    if run_id is not None:
        if not run_id or "/" in run_id or run_id in (".", ".."):
            raise StudyError(
                f"--run-id '{run_id}' cannot name a folder", why="it is empty or holds a slash", fix="use a plain name"
            )
        folder = RunFolder(out / run_id)
        if folder.study.exists():
            same_study(study, folder)
            return Target(folder, True)
        return Target(folder, False)
    if resume:
        return Target(_newest_unfinished(study, out), True)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    base = f"{study.name}-{study.strategy_name}-{stamp}".replace("/", "_")
    name, number = base, 1
    while (out / name).exists():
        number += 1
        name = f"{base}-{number}"
    return Target(RunFolder(out / name), False)


def same_study(study: Study, folder: RunFolder) -> None:
    """Refuse to go on with a run of another study, naming what differs."""
    differing = differences(study, load_study(folder))
    if differing:
        raise StudyError(
            f"the run '{folder.id}' is of another study",
            why=f"these differ: {', '.join(differing)}; on resume only {', '.join(MAY_CHANGE[:4])} may",
            fix="correct the study, or choose another --run-id",
        )


def differences(a: Study, b: Study) -> list[str]:
    """Top-level keys in which two resolved studies differ, those left out that may change."""
    one, two = a.model_dump(mode="json"), b.model_dump(mode="json")
    return [k for k in one if k not in MAY_CHANGE and one[k] != two[k]]


def _newest_unfinished(study: Study, out: Path) -> RunFolder:
    found = sorted(out.glob("*/study.yaml"), key=lambda p: p.stat().st_mtime, reverse=True) if out.is_dir() else []
    for file in found:
        folder = RunFolder(file.parent)
        with contextlib.suppress(StudyError, RecordError):
            if not differences(study, load_study(folder)) and closed(folder) != "done":
                return folder
    raise StudyError(
        "there is nothing to resume",
        why=f"'{out}' holds no unfinished run of this study",
        fix="leave --resume out, or give --run-id",
    )


def closed(folder: RunFolder) -> str | None:
    """How the last attempt ended; None when it did not say."""
    last = None
    for event in read(folder.events):
        last = event["why"] if event["e"] == "close" else None if event["e"] == "attempt" else last
    return last


def check_writable(out: Path) -> None:
    """Try to write where results will go."""
    existing = out
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise StudyError(
            f"cannot write to '{out}'", why=f"'{existing}' is not a writable folder", fix="give another --out"
        )
    stats = os.statvfs(existing)
    if stats.f_bavail * stats.f_frsize < 50_000_000:
        raise StudyError(f"'{out}' is full", why="less than 50 MB are free", fix="make room, or give another --out")
