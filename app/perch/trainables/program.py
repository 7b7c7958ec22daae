"""A training program in an environment of its own (``trainable: {command: …}``), see ``perch.programs``."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perch.campaign.placement import Placement
from perch.command import Command
from perch.log.folder import RunFolder
from perch.study import Study
from perch.trainables.kind import Data, Kind
from perch.vocabulary import GIVEN, LR_SCHEDULE

if TYPE_CHECKING:
    from perch.data.reading.source import Progress


@dataclass(frozen=True)
class Program(Kind):
    """A training program; ``command`` is the study's ``trainable``."""

    command: Command

    def completed(self) -> Study:
        """Preset, template and paths written out."""
        from perch.programs.config.complete import complete

        return self.study.model_copy(update={"trainable": complete(self.command, Path(self.study.base))})

    def check(self) -> None:
        """Command, template, keys and placeholders."""
        from perch.programs.config.check import check_program

        check_program(self.study, self.command)

    @property
    def can_save(self) -> bool:
        """True when it can go on from its checkpoints."""
        return self.command.can_resume

    @property
    def saves_when_asked(self) -> bool:
        """True when it can go on from its checkpoints."""
        return self.command.can_resume

    @property
    def keeps_weights(self) -> bool:
        """Always: the configuration and the log of the best epoch, and its checkpoint where there is one."""
        return True

    @property
    def keys(self) -> Mapping[str, tuple[str, ...]]:
        """Those that may change when it goes on from a checkpoint: none, unless the study or the preset names them."""
        return {"algorithm_keys": tuple(self.command.changeable or ())}

    def notes(self) -> Iterator[str]:
        """That it cannot resume; that it may not read its configuration."""
        from perch.programs.config.configure import names_config

        if not self.command.can_resume:
            yield "the program cannot resume (trainable.resume): a trial that is interrupted is trained from the start"
        if self.command.template is not None and not names_config(self.command):
            yield (
                f"the command does not name {{config}}: hyperparameters reach the program only if it reads "
                f"'{self.command.config}' in its folder by itself"
            )

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
        """In a temporary folder. A schedule by epoch, under ``lr_schedule``, is followed in stretches; a named one is the program's."""
        from perch.programs.plain import train_rows

        given = config.get(LR_SCHEDULE)
        schedule = given if isinstance(given, Mapping) else None
        own = {k: v for k, v in config.items() if k != LR_SCHEDULE}
        with tempfile.TemporaryDirectory(prefix="perch-train-") as folder:
            rows, _error = train_rows(
                self.study, self.command, own, Path(folder), key, epochs=epochs, schedule=schedule
            )
        return rows

    def tune_trainable(self) -> Any:
        """Its process is started and ended with each placement."""
        from perch.programs.trainable import ProgramTrainable

        return ProgramTrainable

    def extra_config(
        self, folder: RunFolder, data: Data, placement: Placement, resources: Mapping[str, float]
    ) -> dict[str, Any]:
        """See ``perch.programs.trainable``."""
        return {
            GIVEN: {
                "program": self.command.model_dump(mode="json", exclude_unset=True),
                "trial": placement.trial,
                "segment": placement.segment,
                "seed": self.study.seed,
                "key": placement.seed_key,
                "epochs": self.study.epochs,
                "cpus": resources["cpu"],
                "gpus": resources.get("gpu", 0.0),
                "folder": str(folder.program_trials),
                "metric": self.study.metric,
                "mode": self.study.mode,
                "keep_below": placement.keep_below,
                "weights": str(folder.weights) if placement.searches else "",
            }
        }
