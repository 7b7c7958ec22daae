"""All that a run asks of what it trains."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perch.campaign.placement import Placement
from perch.errors import StudyError
from perch.log.folder import RunFolder
from perch.study import Study

if TYPE_CHECKING:
    from perch.data.prepare import Prepared
    from perch.data.reading.source import Progress
    from perch.memory.fitting import Sized


@dataclass(frozen=True)
class Data:
    """What a run trains on."""

    prepared: Prepared | None
    """Graphs, splits and baselines; None: the trainable reads its own data."""
    study: Study
    """The study without choices that these data cannot serve."""
    cache: Path


@dataclass(frozen=True)
class Kind(ABC):
    """A trainable as a run sees it. Nothing here starts anything."""

    study: Study

    @abstractmethod
    def check(self) -> None:
        """Raise a PerchError for what can be found before anything heavy: missing files, wrong keys, a wrong name."""

    @property
    @abstractmethod
    def can_save(self) -> bool:
        """True when it may leave checkpoints."""

    @property
    @abstractmethod
    def saves_when_asked(self) -> bool:
        """True when it leaves a checkpoint at the end of any epoch."""

    @abstractmethod
    def data(self, cache: Path, progress: Progress | None = None) -> tuple[Data, list[str]]:
        """Its data, built and kept in ``cache``, and warnings for people."""

    @abstractmethod
    def tune_trainable(self) -> Any:
        """What Tune runs."""

    @abstractmethod
    def extra_config(
        self, folder: RunFolder, data: Data, placement: Placement, resources: Mapping[str, float]
    ) -> dict[str, Any]:
        """What a trial is given besides its hyperparameters."""

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
        """What a configuration reports, epoch by epoch, when it is trained from the start in this process, without Ray.

        ``key``: its randomness, as in a run.  ``schedule_epochs``: what a named schedule of the learning rate stretches
        over.  ``device``: where it trains, for a network.  It ends early where the training diverges. Raises StudyError for a kind that needs Ray.
        """
        raise StudyError(
            f"cannot train '{self.study.trainable_name}' outside of Ray",
            why="a function for Ray Tune runs in Ray alone",
            fix="train the configuration in your own code",
        )

    def sized(self, data: Data) -> Sized | None:
        """What its configurations take of a GPU; None where that is not known before it trains."""
        return None

    @property
    def keeps_weights(self) -> bool:
        """True where trials of the search keep what leading epochs leave, by the limit that the run publishes."""
        return False

    @property
    def builds_data(self) -> bool:
        """True when its data are built before it trains, which takes a while; False: it reads its own."""
        return False

    @property
    def can_reset(self) -> bool:
        """True when its worker can go on with another trial."""
        return True

    @property
    def python_path(self) -> list[str]:
        """Folders from which workers import it."""
        return []

    @property
    def keys(self) -> Mapping[str, tuple[str, ...]]:
        """``algorithm_keys`` and ``architecture_keys`` of ``strategies.plan.Plan``, those that it knows."""
        return {}

    def completed(self) -> Study:
        """The study with all that its trainable leaves to be filled in, as the run folder keeps it."""
        return self.study

    def architecture(self, config: Mapping[str, Any]) -> tuple[str, ...]:
        """Those keys of a configuration that a population takes over as its architecture."""
        return tuple(config)

    def notes(self) -> Iterable[str]:
        """What people should know of it before it runs."""
        return ()
