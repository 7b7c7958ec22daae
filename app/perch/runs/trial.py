"""What a trial runs: the trainable, and what Perch tells it beside its hyperparameters."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from perch.campaign.placement import Placement
from perch.errors import StudyError
from perch.runs.attempt import Attempt
from perch.study import Study


def trainable(attempt: Attempt) -> Any:
    """What Tune runs: Perch's own trainable, or the study's."""
    if attempt.study.trainable_is_ours:
        from perch.training.trainable import GraphTrainable

        return GraphTrainable
    return foreign_trainable(attempt.study)


def extra_config(attempt: Attempt, placement: Placement, resources: dict[str, float]) -> dict[str, Any]:
    """What a trial of ours is told beside its hyperparameters; a foreign trainable gets these alone."""
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


def python_path(study: Study) -> list[str]:
    """Folders from which workers import the study's own trainable."""
    return [] if study.trainable_is_ours else [str(Path(study.base).absolute())]
