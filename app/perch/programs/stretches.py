"""A schedule for a training program: stretches of constant values. From one to the next it is stopped, changed and gone on with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perch.command import Command
from perch.errors import StudyError

Schedule = Mapping[str, Sequence[Any]]
"""Hyperparameter → a value per epoch; the last holds on."""


@dataclass(frozen=True)
class Stretch:
    """Epochs up to ``end``, which is one of them, with these values of hyperparameters."""

    end: int
    values: Mapping[str, Any]


def stretches(schedule: Schedule, epochs: int) -> list[Stretch]:
    """The schedule's stretches over ``epochs`` epochs, in order; without a schedule a single one."""
    out: list[Stretch] = []
    for epoch in range(1, epochs + 1):
        values = {key: each[min(epoch, len(each)) - 1] for key, each in schedule.items()}
        if out and out[-1].values == values:
            out[-1] = Stretch(epoch, values)
        else:
            out.append(Stretch(epoch, values))
    return out


def check_schedule(spec: Command, schedule: Schedule) -> None:
    """Raise StudyError for a schedule that the program would not follow."""
    for key, values in schedule.items():
        if not values:
            raise StudyError(f"the schedule of '{key}' is empty", fix="list a value per epoch; the last holds on")
        if len(set(values)) == 1 or (spec.can_resume and key in (spec.changeable or ())):
            continue
        taken = ", ".join(spec.changeable or ()) or "none"
        raise StudyError(
            f"the program cannot follow a schedule of '{key}'",
            why="it cannot go on from a checkpoint (trainable.resume is none)"
            if not spec.can_resume
            else f"it keeps that value when it goes on from a checkpoint; those that it takes over (trainable.changeable): {taken}",
            fix="set the schedule in the program's own template, or, where the program does take the key over, name it under trainable.changeable",
        )
