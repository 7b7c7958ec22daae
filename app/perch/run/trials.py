"""What a trial is given: the trainable, its resources, and what Perch tells it beside its hyperparameters."""

from __future__ import annotations

from typing import Any

from perch.errors import ClusterError
from perch.run import start
from perch.run.campaign import Stint
from perch.run.job import Job
from perch.study import Study


def trial_resources(study: Study, capacity: dict[str, float]) -> dict[str, float]:
    """Cores and GPUs of one trial; where the study does not say, one GPU if there are any."""
    gpus = study.resources.gpus
    if gpus is None:
        gpus = 1.0 if capacity["GPU"] > 0 else 0.0
    if gpus > 0 and capacity["GPU"] == 0:
        raise ClusterError(
            f"a trial needs {gpus:g} GPUs and there is none",
            why="Ray sees no GPU",
            fix="set resources.gpus: 0, or see 'perch doctor'",
        )
    return {"cpu": study.resources.cpus, **({"gpu": gpus} if gpus else {})}


def slots(capacity: dict[str, float], resources: dict[str, float]) -> int:
    """How many trials fit at once."""
    number = int(capacity["CPU"] / resources["cpu"] + 1e-6)
    if resources.get("gpu"):
        number = min(number, int(capacity["GPU"] / resources["gpu"] + 1e-6))
    return number


def trainable(job: Job) -> Any:
    """What Tune runs: Perch's own trainable, or the study's."""
    if job.study.trainable_is_ours:
        from perch.training.trainable import GraphTrainable

        return GraphTrainable
    return start.foreign_trainable(job.study)


def beside(job: Job, stint: Stint, resources: dict[str, float]) -> dict[str, Any]:
    """What a trial of ours is told beside its hyperparameters; a foreign trainable gets these alone."""
    if not job.study.trainable_is_ours:
        return {}
    study = job.study
    return {
        "_perch": {
            "study": study.model_dump(mode="json", by_alias=True),
            "base": study.base,
            "cache": str(job.cache),
            "trial": stint.trial,
            "segment": stint.segment,
            "seed": study.seed,
            "epochs": study.epochs,
            "threads": max(int(resources["cpu"]), 1),
            "key": stint.seed_key,
            "weights": str(job.folder.weights),
            "keep_below": stint.keep_below,
        }
    }


def classify(error: BaseException) -> str:
    """The class of a trial's failure."""
    from perch.training.failure import classify as failure_class

    return failure_class(error)
