"""PASHA: promoting ASHA whose ladder grows only while the order of the trials still changes at its top.

Bohdal et al., PASHA: Efficient HPO and NAS with Progressive Resource Allocation (ICLR 2023), https://arxiv.org/abs/2207.06940
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from perch.strategies.asha import AshaSettings
from perch.strategies.asha_promote import AshaPromote, PromotionRung
from perch.strategies.plan import Plan
from perch.strategies.registry import STRATEGIES, Entry
from perch.strategies.rungs import percentile
from perch.strategies.strategy import DONE, Action, Answer, Decision, Done, Event, Resume, Searcher

Array = NDArray[np.float64]

MOST_COMPARED: Final = 256
"""Trials at the top with which a new one is compared, the last to arrive: so a result costs no more in a long run."""


class PashaSettings(AshaSettings):
    """PASHA's settings."""

    percentile: float = Field(
        90.0,
        gt=0,
        le=100,
        description="of the distances between crossing curves, the one below which trials count as equal",
    )


class Pasha(AshaPromote):
    """Promotes below the top of the ladder, which starts at the second rung and grows when the order of the trials changes there."""

    def __init__(self, plan: Plan, settings: Any = None, searcher: Searcher | None = None) -> None:
        super().__init__(plan, PashaSettings() if settings is None else settings, searcher)
        self.ladder = [*self.rungs, plan.epochs]
        self.top = 0
        """Place in the ladder beyond which no trial is promoted."""
        self.epsilon = 0.0
        """Values closer than this count as equal."""
        self._distances: list[float] = []
        """Sorted: between trials at the top whose curves have crossed twice."""
        self._compared: deque[str] = deque(maxlen=MOST_COMPARED)
        self._curves: dict[str, dict[int, float]] = {}
        self._to_the_end: set[str] = set()
        """Trials that are not compared any more."""
        self._raise()

    # --- looking ----------------------------------------------------------------------------------------------------

    def ask(self, now_s: float) -> Answer:
        """As promoting ASHA below the top; once nothing else is left to do, the best trial goes on to the last epoch."""
        answer = super().ask(now_s)
        if isinstance(answer, Done):
            reached = [r for r in reversed(self.rungs.values()) if r.places and r.epoch <= self.ladder[self.top]]
            best = reached[0].places[0][1] if reached else ""
            return Resume(best) if best in self.paused else DONE
        return answer

    def promoting(self) -> list[PromotionRung]:
        """The rungs below the top, highest first."""
        return self._below_top

    def judge(self, trial: str, epoch: int, value: float) -> Decision:
        """As promoting ASHA; who goes on to the end pauses no more."""
        decision = super().judge(trial, epoch, value)
        return replace(decision, action=Action.GO) if trial in self._to_the_end else decision

    # --- changing ---------------------------------------------------------------------------------------------------

    def on_result(self, trial: str, event: Event) -> None:
        """Enter a rung; at the top, grow the ladder if the order has changed since the rung below."""
        self._curves.setdefault(trial, {})[event["epoch"]] = event["value"]
        rung = self._reached(trial, event["epoch"])
        super().on_result(trial, event)
        if rung is None or rung.epoch != self.ladder[self.top]:
            return
        self._measure_noise(trial)
        if self._order_has_changed():
            self._raise()

    def on_promote(self, trial: str) -> None:
        """Leave the rung, for the last time where its place alone would not have let it go on."""
        place = self.paused.get(trial)
        if place is not None and all(r.promotable() != trial for r in self.promoting()):
            self._to_the_end.add(trial)
        super().on_promote(trial)

    def on_end(self, trial: str) -> None:
        """Its values stay in the rungs, its curve is of no more use."""
        super().on_end(trial)
        self._curves.pop(trial, None)
        self._to_the_end.discard(trial)

    def _raise(self) -> None:
        self.top = min(self.top + 1, len(self.ladder) - 1)
        self._below_top = [r for r in reversed(self.rungs.values()) if r.epoch < self.ladder[self.top]]
        self._compared.clear()
        self._distances.clear()

    def _measure_noise(self, trial: str) -> None:
        """Section 4.2 of the paper: ε is a percentile of the distances between trials whose curves cross and cross back.

        Of two such trials neither is better: their distance at the top is noise.
        """
        mine = self._curves[trial]
        others = [c for t in self._compared if (c := self._curves.get(t)) is not None and c.keys() == mine.keys()]
        if others:
            apart = np.array([list(mine.values())]) - np.array([list(c.values()) for c in others])
            for distance in np.abs(apart[crossed_twice(apart), -1]).tolist():
                insort(self._distances, distance)
        if self._distances:
            self.epsilon = percentile(self._distances, self.settings.percentile / 100)
        self._compared.append(trial)

    def _order_has_changed(self) -> bool:
        """Soft ranking: at its place in the top rung stands a trial that was more than ε from that place in the rung below."""
        below = {t: v for v, t in self.rungs[self.ladder[self.top - 1]].places}
        values = np.array([below[t] for _, t in self.rungs[self.ladder[self.top]].places if t in below])
        return bool((np.abs(values - np.sort(values)) > self.epsilon).any())


def crossed_twice(apart: Array) -> NDArray[np.bool_]:
    """Of the differences between pairs of curves, shape (pairs, epochs): whose sign was as at the end, then was not, and is so now.

    >>> crossed_twice(np.array([[1.0, -1.0, 1.0], [-1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])).tolist()
    [True, False, False]
    """
    above = apart > 0
    as_at_the_end = above == above[:, -1:]
    before = np.logical_or.accumulate(as_at_the_end, axis=1)
    return np.asarray((before & ~as_at_the_end).any(axis=1))


STRATEGIES.register(
    "pasha",
    Entry(
        name="pasha",
        summary="promoting ASHA whose ladder of rungs grows only while the order of the trials still changes at its top",
        scheduler="progressive asynchronous successive halving",
        searcher="random",
        paper="Bohdal et al., ICLR 2023, https://arxiv.org/abs/2207.06940",
        when="The order of the trials is settled early, and full trainings are long: most of the budget then goes into more "
        "configurations, and the best few are trained to the end by the confirmation (confirm). It shows little of the last epochs.",
        differs="As the paper's, with soft ranking and its estimate of ε: 90th percentile of the distances between trials whose "
        "curves cross twice. The curves that are compared are those of the 256 trials that came last to the top rung, once they are "
        "there; the paper's program compares running ones too, at every report. When the budget's trials have all paused, the best "
        "one goes on to the last epoch; the paper trains it anew. ASHA is the promoting form (asha-promote), as in the paper.",
        settings=PashaSettings,
        build=Pasha,
        needs_checkpoints=True,
    ),
)
