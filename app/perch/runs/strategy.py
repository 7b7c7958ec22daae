"""The strategy of a study, built for the workers that there will be."""

from __future__ import annotations

import os
from typing import Any

from perch.errors import StudyError
from perch.log.events import read
from perch.log.folder import RunFolder
from perch.log.study_file import load_study
from perch.runs.planned import WORKERS_OF_A_CLUSTER, planned_nodes, workers_asked_for
from perch.runs.resources import slots, trial_resources
from perch.strategies.plan import Past, Plan
from perch.strategies.registry import build
from perch.strategies.strategy import Strategy
from perch.study import Study
from perch.suggesting import dragonfly, gp
from perch.trainables import kind_of
from perch.vocabulary import ENDED, ON_REQUEST


def expected_workers(study: Study) -> int:
    """How many trials will train at once, as far as it is known before Ray is up. Raises ClusterError (exit 2)."""
    if os.environ.get("RAY_ADDRESS"):
        nodes = planned_nodes()
        fit = slots(nodes, trial_resources(study, nodes))
        return workers_asked_for() or fit or WORKERS_OF_A_CLUSTER
    return max(int(len(os.sched_getaffinity(0)) / study.resources.cpus), 1)


def build_strategy(study: Study, workers: int | None = None, *, saves: bool = True) -> Strategy:
    """The strategy of a resolved study, as a run needs it: no ask blocks. Raises StrategyError for what it cannot do.

    ``workers``: how many it plans for; None: as many as this machine or cluster is expected to have.
    ``saves``: whether the trainable can leave checkpoints.
    """
    points = study.points if isinstance(study.points, list) else []
    plan = Plan(
        space=study.search_space,
        epochs=study.epochs,
        trials=study.budget.trials,
        seed=study.seed,
        points=tuple(points),
        history=history(study),
        workers=expected_workers(study) if workers is None else workers,
        can_checkpoint=study.checkpoints != "none" and saves,
        **kind_of(study).keys,
    )
    searcher = dragonfly.searcher(study.strategy, plan) or gp.searcher(study.strategy, plan)
    return build(study.strategy, plan, searcher)


def history(study: Study) -> tuple[Past, ...]:
    """Trials of the run that ``history:`` names, for a searcher to learn from. Their space must be the study's."""
    if study.history is None:
        return ()
    folder = RunFolder(study.path(study.history))
    other = load_study(folder)
    mine, theirs = study.search_space.spec(priors=False), other.search_space.spec(priors=False)
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
        elif event["e"] == "error" and event.get("failure") not in (ENDED, ON_REQUEST):
            failed.add(event["id"])
    return tuple(Past(configs[t], tuple(c), t in failed) for t, c in curves.items() if c or t in failed)
