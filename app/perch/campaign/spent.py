"""Where the worker seconds of one placement went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


def epoch_seconds(metrics: Mapping[str, Any]) -> float:
    """How long a reported epoch took: as the trainable says, or else as Tune measured it."""
    seconds: float = metrics.get("epoch_s") or metrics.get("time_this_iter_s") or 0.0
    return seconds


@dataclass(slots=True)
class Spent:
    """Worker seconds of one placement by activity; what is left of its time is idle."""

    began_s: float
    last_s: float = 0.0
    """When it last reported an epoch; 0: it has not."""
    up_s: float = 0.0
    """When its worker took it up; 0: it has not."""
    epoch_s: float = 0.0
    """How long its last epoch took."""
    unwanted_s: float | None = None
    """When somebody stopped its trial by hand; None: nobody has."""
    unsaved_s: float = 0.0
    """Seconds of epochs since the checkpoint that it would start from again."""
    starting_s: float = 0.0
    training_s: float = 0.0
    evaluating_s: float = 0.0
    checkpointing_s: float = 0.0
    redone_s: float = 0.0
    """Seconds of an epoch that was cut off."""

    @property
    def epoch_began_s(self) -> float:
        """When the epoch that is being trained began, as far as it is known."""
        return self.last_s or self.up_s or self.began_s

    def epoch(self, now_s: float, metrics: Mapping[str, Any], *, known: bool) -> None:
        """Account for an epoch that has been reported now. ``known``: the log holds it already, and ``trained_again`` is logged."""
        whole = epoch_seconds(metrics)
        if self.last_s == 0.0:
            self.starting_s = max(now_s - self.began_s - whole, 0.0)
        if not known:
            evaluating = metrics.get("evaluating_s") or 0.0
            self.training_s += whole - evaluating if evaluating < whole else 0.0
            self.evaluating_s += evaluating
        self.unsaved_s += whole
        self.last_s, self.epoch_s = now_s, whole

    def saved(self, now_s: float) -> float:
        """A checkpoint of the last reported epoch is written; returns the seconds that it took."""
        seconds = now_s - self.last_s
        self.checkpointing_s += seconds
        self.unsaved_s = 0.0
        return seconds

    def cut_off(self, now_s: float) -> None:
        """The epoch that is being trained ends here, unfinished."""
        if self.last_s:
            self.redone_s += max(now_s - self.last_s, 0.0)

    def event(self) -> dict[str, Any]:
        """The figures, rounded, as an event holds them."""
        figures: dict[str, Any] = {
            "starting_s": round(self.starting_s, 4),
            "training_s": round(self.training_s, 4),
            "evaluating_s": round(self.evaluating_s, 4),
            "checkpointing_s": round(self.checkpointing_s, 4),
        }
        if self.redone_s:
            figures["redone_s"] = round(self.redone_s, 4)
        return figures


def trained_again(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of one epoch that the log holds already; logged at once, so that they stand whatever becomes of the attempt."""
    return {"redone_s": round(epoch_seconds(metrics), 4), "redone": 1}
