"""What a surrogate model is given of the trials of a run: one value for each, and which are still being trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from perch.numeric import is_finite
from perch.strategies.plan import Past, Plan
from perch.strategies.strategy import Action, Config, Event
from perch.vocabulary import MACHINE_FAILURES, ON_REQUEST

Rule = Literal["last", "rung"]
"""last: a trial's value when it ended, at whatever epoch. rung: its value at one fixed epoch, so that all compare."""

NOT_ITS_FAULT = frozenset({*MACHINE_FAILURES, "interrupted", ON_REQUEST})
"""Failures that say nothing about the configuration."""


@dataclass(frozen=True, slots=True)
class Observation:
    """A configuration and its value; None: it failed or diverged. ``note`` is what its suggestion carried."""

    config: Config
    value: float | None
    note: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Running:
    config: Config
    note: Mapping[str, Any]
    epoch: int = 0
    value: float | None = None
    known: bool = False
    """Its value stands among the observations."""


class Ledger:
    """Results in the order in which they became known, which never changes afterwards, and the trials in progress."""

    def __init__(self, plan: Plan, rule: Rule = "last", rung: int = 1) -> None:
        self._keys = list(plan.space.dimensions)
        self._rule, self._rung = rule, rung
        self._running: dict[str, _Running] = {}
        self._known = 0
        self.observations: list[Observation] = [o for past in plan.history if (o := self._past(past)) is not None]

    def pending(self) -> tuple[Config, ...]:
        """Configurations whose value is not known yet, in the order of their start."""
        return tuple(r.config for r in self._running.values() if not r.known)

    def waiting(self) -> tuple[tuple[str, Config], ...]:
        """Paused trials whose end a model is to foretell, with their configurations: none."""
        return ()

    def searched(self, config: Mapping[str, Any]) -> Config:
        """The searched part of a configuration."""
        return {k: config[k] for k in self._keys}

    def applied(self, event: Event) -> None:
        """Take note of what happened; events that come twice or too late change nothing."""
        kind = event["e"]
        if kind == "trial" and event["i"] >= self._known:
            self._known = event["i"] + 1
            self._running[event["id"]] = self._begun(event)
        elif kind == "result":
            self._on_result(event)
        elif kind == "error":
            self._end(event["id"], failed=event.get("failure") not in NOT_ITS_FAULT, silent=True)

    def _begun(self, event: Event) -> _Running:
        return _Running(self.searched(event["config"]), event.get("note") or {})

    def _on_result(self, event: Event) -> None:
        running = self._running.get(event["id"])
        if running is None or event["epoch"] <= running.epoch:
            return
        running.epoch = event["epoch"]
        value = event.get("value")
        running.value = value if is_finite(value) else None
        if self._rule == "rung" and running.epoch >= self._rung and running.value is not None:
            self._observe(running, running.value)
        if event["d"] == Action.STOP:
            self._end(event["id"], failed=running.value is None, silent=False)

    def _end(self, trial: str, *, failed: bool, silent: bool) -> None:
        running = self._running.pop(trial, None)
        if running is None:
            return
        if failed:
            self._observe(running, None)
        elif not silent:
            self._observe(running, running.value)

    def _observe(self, running: _Running, value: float | None) -> None:
        if not running.known:
            running.known = True
            self.observations.append(Observation(running.config, value, running.note))

    def _past(self, past: Past) -> Observation | None:
        """A trial of an earlier run, by the same rule."""
        config = self.searched(past.config)
        curve = [(e, v) for e, v in past.curve if is_finite(v)]
        if self._rule == "rung":
            curve = [(e, v) for e, v in curve if e >= self._rung][:1] or ([] if past.failed else curve[-1:])
        elif past.failed:
            curve = []
        if curve:
            return Observation(config, curve[-1][1])
        return Observation(config, None) if past.failed else None


def bounded_losses(values: Sequence[float | None]) -> list[float]:
    """Losses that a Gaussian process can bear: failures as bad as the worst, and the worst not far from the rest.

    Anything above median + 3 (median - best) is cut off there, so that one trial of 10^6 eV does not flatten the rest.
    """
    known = sorted(v for v in values if v is not None)
    if not known:
        return [0.0 for _ in values]
    middle = (known[(len(known) - 1) // 2] + known[len(known) // 2]) / 2
    cap = middle + 3 * max(middle - known[0], 1e-12)
    worst = min(known[-1], cap)
    return [worst if v is None else min(v, cap) for v in values]
