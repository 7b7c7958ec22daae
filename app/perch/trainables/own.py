"""The study's own class or function (``trainable: module:name``), imported from the study's folder."""

from __future__ import annotations

import importlib
import math
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perch.campaign.placement import Placement
from perch.errors import StudyError
from perch.log.folder import RunFolder
from perch.programs.config.configure import seed_of
from perch.trainables.kind import Data, Kind
from perch.trainables.own_config import own_config
from perch.training.keeping import keeping
from perch.training.reporting import checked
from perch.vocabulary import GIVEN

if TYPE_CHECKING:
    from perch.data.reading.source import Progress


@dataclass(frozen=True)
class Own(Kind):
    """A class or function. A function leaves checkpoints of its own accord, or does not: that shows only when it runs."""

    @cached_property
    def found(self) -> Any:
        """The class or function. Raises StudyError when it cannot be imported."""
        return imported(self.study.trainable_name, self.study.base)

    @property
    def is_class(self) -> bool:
        """False for a function."""
        return isinstance(self.found, type)

    def check(self) -> None:
        """It must be there."""
        _ = self.found

    @property
    def python_path(self) -> list[str]:
        """The study's folder."""
        return [str(Path(self.study.base).absolute())]

    @property
    def can_save(self) -> bool:
        """False for a class without ``save_checkpoint`` and ``load_checkpoint``."""
        return self.saves_when_asked or not self.is_class

    @property
    def saves_when_asked(self) -> bool:
        """True for a class that overrides ``save_checkpoint``, and ``load_checkpoint``, without which no trial can go on from it."""
        return self.keeps_weights and self._overrides("load_checkpoint")

    @property
    def keeps_weights(self) -> bool:
        """True for a class that overrides ``save_checkpoint``."""
        return self._overrides("save_checkpoint")

    @property
    def can_reset(self) -> bool:
        """False for a class that does not override ``reset_config``."""
        return not self.is_class or self._overrides("reset_config")

    def _overrides(self, method: str) -> bool:
        from ray.tune import Trainable

        return self.is_class and getattr(self.found, method, None) is not getattr(Trainable, method)

    def notes(self) -> Iterator[str]:
        """What it lacks, and what that costs."""
        if self.keeps_weights and not self.saves_when_asked:
            yield (
                "the trainable has save_checkpoint and no load_checkpoint: the winner's weights are kept, but a trial that is "
                "interrupted starts again"
            )
        elif not self.saves_when_asked:
            yield (
                "the trainable cannot be asked for a checkpoint: a trial that is interrupted goes on from the last one that it "
                "reported itself, or starts again"
            )
        if not self.can_reset:
            yield "the trainable has no reset_config: every trial gets a fresh process, which costs the seconds of its start"

    def data(self, cache: Path, progress: Progress | None = None) -> tuple[Data, list[str]]:
        """It reads its own."""
        return Data(None, self.study, cache), []

    def curve(
        self,
        config: Mapping[str, Any],
        key: str,
        epochs: int,
        *,
        schedule_epochs: int,
        cache: Path,
        device: str = "auto",
    ) -> list[dict[str, Any]]:
        """A class is driven as Tune drives it, in this process; a function needs Ray. An error ends the curve."""
        if not self.is_class:
            return super().curve(config, key, epochs, schedule_epochs=schedule_epochs, cache=cache, device=device)
        study = self.study
        trainable = self.found({**config, **own_config(config, seed=seed_of(study.seed, key), epochs=study.epochs)})
        curve: list[dict[str, Any]] = []
        try:
            while len(curve) < epochs:
                row = trainable.train()
                if not math.isfinite(row.get(study.metric, math.nan)):
                    break
                curve.append(row)
        except Exception as error:  # the user's code: as in a run, it costs this training alone
            print(f"{key}: {type(error).__name__}: {error}", file=sys.stderr)
        finally:
            trainable.stop()
        return curve

    def tune_trainable(self) -> Any:
        """A class that can save keeps the weights of its best epoch."""
        found = checked(self.found)
        return keeping(found) if self.keeps_weights else found

    def extra_config(
        self, folder: RunFolder, data: Data, placement: Placement, resources: Mapping[str, float]
    ) -> dict[str, Any]:
        """Seed, epochs and nested keys as it finds them; a class that can save is told where to keep weights."""
        study = self.study
        own = own_config(placement.config, seed=seed_of(study.seed, placement.seed_key), epochs=study.epochs)
        if not self.keeps_weights:
            return own
        said = {
            "trial": placement.trial, "weights": str(folder.weights), "keep_below": placement.keep_below,
            "metric": study.metric, "mode": study.mode, "spares": placement.searches,
        }  # fmt: skip
        return {**own, GIVEN: said}


def imported(name: str, base: str) -> Any:
    """Import ``module:name`` from the folder ``base``, which stays on Python's path. Raises StudyError."""
    module, _, attribute = name.partition(":")
    folder = str(Path(base).absolute())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        found = getattr(importlib.import_module(module), attribute)
    except Exception as error:
        raise StudyError(
            f"the trainable '{name}' cannot be imported",
            why=f"{type(error).__name__}: {error}",
            fix=f"it is looked for in {_places(folder)} and in the environment; correct name or module",
        ) from error
    if not callable(found):
        raise StudyError(f"the trainable '{name}' is not a class or a function", why=f"it is {found!r}", fix="name one")
    return found


def _places(folder: str) -> str:
    """The study's folder and what PYTHONPATH names: ``--code`` on a cluster."""
    named = [each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]
    return ", ".join(dict.fromkeys([folder, *named]))
