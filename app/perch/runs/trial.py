"""What a trial runs: the trainable, and what it is given besides its hyperparameters."""

from __future__ import annotations

from typing import Any

from perch.campaign.placement import Placement
from perch.runs.attempt import Attempt
from perch.runs.trainable import foreign_trainable


def trainable(attempt: Attempt) -> Any:
    """What Tune runs: Perch's own trainable, or the study's."""
    if attempt.study.trainable_is_ours:
        from perch.training.trainable import GraphTrainable

        return GraphTrainable
    return foreign_trainable(attempt.study)


def extra_config(attempt: Attempt, placement: Placement, resources: dict[str, float]) -> dict[str, Any]:
    """What Perch's own trainable is given besides hyperparameters; a foreign one gets those alone."""
    if not attempt.study.trainable_is_ours:
        return {}
    study = attempt.study
    return {
        "_perch": {
            "study": study.model_dump(mode="json", by_alias=True),
            "base": study.base,
            "cache": str(attempt.cache),
            "trial": placement.trial,
            "segment": placement.segment,
            "seed": study.seed,
            "epochs": study.epochs,
            "threads": max(int(resources["cpu"]), 1),
            "key": placement.seed_key,
            "weights": str(attempt.folder.weights),
            "keep_below": placement.keep_below,
        }
    }
