"""A user's trainable class that keeps the weights of its best epoch while its trial is among the best of the run."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from perch.limit import published
from perch.vocabulary import GIVEN

ABOUT: Final = "about.json"


def keeping(found: type) -> type:
    """A subclass of a Ray trainable class with ``save_checkpoint``: an epoch that leads leaves a checkpoint in ``weights``.

    What the run says of the trial: ``weights`` (a folder), ``trial``, ``metric``, ``mode``, and ``keep_below``, the value
    under which an epoch is worth keeping (lower is better). ``spares``: the run publishes lower ones as it goes on.
    """

    class Keeping(found):  # type: ignore[misc]
        def setup(self, config: dict[str, Any]) -> None:
            super().setup(self._taken_on(config))

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            return bool(super().reset_config(self._taken_on(new_config)))

        def step(self) -> Any:
            result = super().step()
            if isinstance(result, Mapping):
                self._keep(result)
            return result

        def _taken_on(self, config: dict[str, Any]) -> dict[str, Any]:
            if GIVEN not in config:  # a reset_config that calls setup
                return config
            self._said: dict[str, Any] = config[GIVEN]
            own = {k: v for k, v in config.items() if k != GIVEN}
            self.config = own
            self._lowest = min(float(self._said.get("keep_below", -math.inf)), _kept(self._folder()))
            return own

        def _folder(self) -> Path:
            return Path(self._said.get("weights", ".")) / str(self._said.get("trial", ""))

        def _keep(self, result: Mapping[str, Any]) -> None:
            sign = -1.0 if self._said.get("mode") == "max" else 1.0
            try:
                value = sign * float(result[self._said["metric"]])
            except (KeyError, TypeError, ValueError):
                return  # the campaign says what is wrong with it
            if not value < self._lowest or (
                self._said.get("spares") and value > published(Path(self._said["weights"]))
            ):
                return
            self._lowest = value
            _write(self, self._folder(), {"epoch": self.training_iteration + 1, "value": value, "config": self.config})

    Keeping.__name__ = Keeping.__qualname__ = found.__name__
    return Keeping


def _write(trainable: Any, folder: Path, about: Mapping[str, Any]) -> None:
    """Save into a new folder, then put it in the place of the old one."""
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    (part / "checkpoint").mkdir(parents=True)
    trainable.save_checkpoint(str(part / "checkpoint"))
    (part / ABOUT).write_text(json.dumps(about, indent=1, default=str))
    shutil.rmtree(folder, ignore_errors=True)
    part.replace(folder)


def _kept(folder: Path) -> float:
    try:
        return float(json.loads((folder / ABOUT).read_text())["value"])
    except (OSError, ValueError, KeyError):
        return math.inf
