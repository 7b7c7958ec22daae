"""A network of Perch (``trainable: cgcnn``), trained by ``perch.training`` on graphs that the run builds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perch.campaign.placement import Placement
from perch.errors import Diverged
from perch.log.folder import RunFolder
from perch.trainables.kind import Data, Kind
from perch.training.keys import ALGORITHM_KEYS, ARCHITECTURE_KEYS, complete
from perch.vocabulary import GIVEN

if TYPE_CHECKING:
    from perch.data.reading.source import Progress
    from perch.memory.fitting import Sized

_USUAL = ("cgcnn", "cgconv")
"""Models that are known without torch, which takes a second to import."""


@dataclass(frozen=True)
class Network(Kind):
    """A network of Perch."""

    @property
    def can_save(self) -> bool:
        """Always."""
        return True

    @property
    def keeps_weights(self) -> bool:
        """Always."""
        return True

    @property
    def builds_data(self) -> bool:
        """Graphs of the structures."""
        return True

    @property
    def saves_when_asked(self) -> bool:
        """Always."""
        return True

    def check(self) -> None:
        """Model, data files and the keys of a configuration."""
        from perch.data.prepare import check

        if self.study.trainable_name not in _USUAL:
            from perch.model import MODELS

            MODELS.get(self.study.trainable_name)
        check(self.study.data, Path(self.study.base))
        complete(self.study.search_space.draw(self.study.seed, 0))

    @property
    def keys(self) -> Mapping[str, tuple[str, ...]]:
        """Both."""
        return {"algorithm_keys": ALGORITHM_KEYS, "architecture_keys": ARCHITECTURE_KEYS}

    def architecture(self, config: Mapping[str, Any]) -> tuple[str, ...]:
        """Those of the network."""
        return ARCHITECTURE_KEYS

    def data(self, cache: Path, progress: Progress | None = None) -> tuple[Data, list[str]]:
        """Graphs, splits and baselines."""
        from perch.data.prepare import prepare
        from perch.data.usable_choices import drop_unusable_choices

        prepared = prepare(self.study.data, base=Path(self.study.base), cache=cache, progress=progress)
        served, dropped = drop_unusable_choices(self.study, prepared)
        return Data(prepared, served, cache), [*prepared.warnings, *dropped]

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
        """The data are built once per process."""
        from perch.training.cache import prepared_for
        from perch.training.loop import Training

        study = self.study
        training = Training(
            prepared_for(study.data.model_dump(), Path(study.base), cache, config), config, epochs=schedule_epochs,
            seed=study.seed, key=key, device=device, threads=max(1, int(study.resources.cpus)), tf32=study.resources.tf32,
            model=study.trainable_name,
        )  # fmt: skip
        curve: list[dict[str, Any]] = []
        for _ in range(epochs):
            try:
                curve.append(training.epoch())
            except Diverged:
                break
        return curve

    def sized(self, data: Data) -> Sized | None:
        """Tensors of a few configurations are counted, and the fit is kept in the cache."""
        from perch.memory.known import estimate_of

        return estimate_of(data.study, data.cache, prepared=data.prepared)

    def tune_trainable(self) -> Any:
        """Reused from trial to trial, with its data."""
        from perch.training.trainable import GraphTrainable

        return GraphTrainable

    def extra_config(
        self, folder: RunFolder, data: Data, placement: Placement, resources: Mapping[str, float]
    ) -> dict[str, Any]:
        """See ``perch.training.trainable``."""
        return {
            GIVEN: {
                "study": self.study.model_dump(mode="json", by_alias=True),
                "base": self.study.base,
                "cache": str(data.cache),
                "files": data.prepared.files if data.prepared is not None else "",
                "trial": placement.trial,
                "segment": placement.segment,
                "seed": self.study.seed,
                "epochs": self.study.epochs,
                "threads": max(int(resources["cpu"]), 1),
                "gpus": resources.get("gpu", 0.0),
                "key": placement.seed_key,
                "weights": str(folder.weights),
                "keep_below": placement.keep_below,
                "spares": placement.searches,
            }
        }
