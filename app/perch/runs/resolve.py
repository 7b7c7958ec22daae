"""The study as it runs: its space written out, and what it takes from earlier runs looked up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from perch.campaign.confirmation import configs_of
from perch.errors import RecordError
from perch.log.events import read
from perch.log.folder import RunFolder
from perch.log.study_file import load_study
from perch.study import Points, Study, parse
from perch.trainables import kind_of


def resolved(study: Study, kept: Study | None = None) -> Study:
    """The study with its space written out, points of an earlier run looked up and its program completed: what the run folder keeps.

    ``kept``: the study of the run that goes on. What it took from other runs stands, whatever became of those since.
    """
    study = kind_of(study).completed()
    space = study.search_space
    points = study.points
    if isinstance(points, Points):
        points = kept.points if kept is not None else _best_configs(study.path(points.run), points.top)
    data = study.data
    if data.path is not None and "://" not in data.path:
        data = data.model_copy(update={"path": str(study.path(data.path))})
    changes = {"space": space.spec(), "points": points, "data": data, "strategy": _with_architecture(study, kept)}
    return parse({**study.model_dump(by_alias=True), **_plain(changes)})


def _plain(changes: dict[str, Any]) -> dict[str, Any]:
    return {k: v.model_dump(by_alias=True) if hasattr(v, "model_dump") else v for k, v in changes.items()}


def _with_architecture(study: Study, kept: Study | None) -> str | dict[str, Any]:
    """The strategy's settings, with ``architecture: {from: RUN}`` replaced by the values of that run's best trial."""
    strategy = study.strategy
    wanted = strategy.get("architecture") if isinstance(strategy, dict) else None
    if not isinstance(strategy, dict) or not isinstance(wanted, dict) or "from" not in wanted:
        return strategy
    if kept is not None and isinstance(kept.strategy, dict):
        return {**strategy, "architecture": kept.strategy.get("architecture")}
    from perch.strategies.population import take_architecture

    [best] = _best_configs(study.path(str(wanted["from"])), 1)
    keys = kind_of(study).architecture(best)
    return {**strategy, "architecture": take_architecture(study.search_space, best, keys)}


def _best_configs(path: Path, top: int) -> list[dict[str, Any]]:

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
