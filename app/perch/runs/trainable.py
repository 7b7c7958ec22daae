"""What a study trains: a model of Perch, or the study's own class or function, and what that is able to do."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from perch.errors import StudyError
from perch.study import Study


def check_models(study: Study) -> None:
    """The trainable must be a model of Perch. Torch is imported only for a name that is not one of the usual."""
    if study.trainable_name not in ("cgcnn", "cgconv"):
        from perch.model import MODELS

        MODELS.get(study.trainable_name)


def foreign_trainable(study: Study) -> Any:
    """Import ``module:name`` from the study's folder."""
    module, _, name = study.trainable_name.partition(":")
    with _import_path(study.base):
        try:
            found = getattr(importlib.import_module(module), name)
        except Exception as error:
            raise StudyError(
                f"the trainable '{study.trainable_name}' cannot be imported",
                why=f"{type(error).__name__}: {error}",
                fix=f"it is looked for in {Path(study.base).absolute()} and in the environment; correct name or module",
            ) from error
    if not callable(found):
        raise StudyError(
            f"the trainable '{study.trainable_name}' is not a class or a function",
            why=f"it is {found!r}",
            fix="name one",
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
    return [] if study.trainable_is_ours or study.program is not None else [str(Path(study.base).absolute())]


def can_save(study: Study) -> bool:
    """True for a trainable that may leave checkpoints: all but a class without ``save_checkpoint``, and a program that cannot resume.

    A function reports them of its own accord, or does not: that shows only when it runs.
    """
    if study.program is not None:
        return study.program.can_resume
    return saves_when_asked(study) or not isinstance(foreign_trainable(study), type)


def saves_when_asked(study: Study) -> bool:
    """True for a model of Perch, a program that can resume, and a class that overrides ``save_checkpoint``."""
    if study.program is not None:
        return study.program.can_resume
    return study.trainable_is_ours or _overrides(foreign_trainable(study), "save_checkpoint")


def can_reset(study: Study) -> bool:
    """True for a trainable whose worker can go on with another trial: a class must override ``reset_config``."""
    if study.trainable_is_ours or study.program is not None:
        return True
    found = foreign_trainable(study)
    return not isinstance(found, type) or _overrides(found, "reset_config")


def _overrides(found: Any, method: str) -> bool:
    from ray.tune import Trainable

    return isinstance(found, type) and getattr(found, method, None) is not getattr(Trainable, method)
