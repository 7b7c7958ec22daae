"""Top-k after a few epochs: all trials train to one rung, the best k of them to the end.

Egele et al., The Unreasonable Effectiveness Of Early Discarding After One Epoch In Neural Network Hyperparameter Optimization,
Neurocomputing 597 (2024) 127964, https://arxiv.org/abs/2404.04111
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Any

from pydantic import Field

from perch.errors import StrategyError
from perch.strategies.asha import check_grace_period
from perch.strategies.judged import Judge
from perch.strategies.plan import Plan
from perch.strategies.registry import STRATEGIES, Entry, Settings
from perch.strategies.rungs import Place, value_at_place
from perch.strategies.scheduler import Scheduler
from perch.strategies.strategy import DONE, GO, Action, Answer, Checkpoint, Decision, Event, Resume, Searcher
from perch.vocabulary import ENDED


class TopkSettings(Settings):
    """Settings of top-k."""

    grace_period: int = Field(1, ge=1, description="epochs that every trial trains: the only rung")
    k: int | None = Field(
        None,
        ge=1,
        description="how many trials train to the end; needs budget.trials; default: as many as take the epochs that the rung took",
    )
    judge: Judge = "last"


class Topk(Scheduler):
    """Every trial pauses at the rung; the best k go on once nothing that is still to come can displace them.

    Without a number of trials in the budget nobody knows when all have come: then the best waiting trial goes on whenever
    the trainings to the end have had fewer epochs than the rung.
    """

    def __init__(self, plan: Plan, settings: Any = None, searcher: Searcher | None = None) -> None:
        super().__init__(plan, TopkSettings() if settings is None else settings, searcher)
        self.rung = self.settings.grace_period
        check_grace_period(self.rung, plan.epochs)
        if self.settings.k is not None and plan.trials is None:
            raise StrategyError(
                f"topk: k is {self.settings.k}, and budget.trials is not given",
                why="the best k of how many trials?",
                fix="give budget.trials, or leave k out: half of the epochs then go to the rung, half to the best",
            )
        self.places: list[Place] = []
        """Trials that reached the rung and have not failed, best first."""
        self.paused: list[Place] = []
        """Those of them that have not gone on, best first."""
        self._value: dict[str, float] = {}
        """The value at the rung, of live trials that reached it."""
        self._below: set[str] = set()
        """Live trials that have not reached the rung."""
        self._screened = 0

    # --- looking ----------------------------------------------------------------------------------------------------

    def ask(self, now_s: float) -> Answer:
        """The best waiting trial if it may go on; else a new one; DONE when neither is possible and nothing runs."""
        if self.paused and self._goes_on(self._rank(self.paused[0]), len(self._below), self._screened):
            return Resume(self.paused[0][1])
        if self.trials is None or self.counted < self.trials:
            return self.next_new(now_s)
        return None if len(self.last_epoch) > len(self.paused) else DONE

    def judge(self, trial: str, epoch: int, value: float) -> Decision:
        """Pause at the rung, unless the trial may go on at once."""
        if trial not in self._below or epoch < self.rung:
            return GO
        me, screened = (value, trial), self._screened + 1
        rank, size, k = self._rank(me), len(self.places) + 1, max(self.places_to_the_end(screened), 1)
        first = not self.paused or me < self.paused[0]
        action = Action.GO if first and self._goes_on(rank, len(self._below) - 1, screened) else Action.PAUSE
        return Decision(action, self.rung, value_at_place(self.places, me, k), rank, size, checkpoint=rank <= k)

    def places_to_the_end(self, screened: int) -> int:
        """k: how many trials train to the end, once ``screened`` have reached the rung."""
        if self.settings.k is not None:
            return int(self.settings.k)
        share = self.rung / max(self.plan.epochs - self.rung, 1)
        return int(screened * share) if self.trials is None else max(int(self.trials * share), 1)

    def _goes_on(self, rank: int, below: int, screened: int) -> bool:
        """True when the trial of that rank is among the best k, whatever the ``below`` under way and those to come report."""
        k = self.places_to_the_end(screened)
        if self.trials is None:
            return len(self.places) - len(self.paused) < k
        return rank + below + max(self.trials - self.counted, 0) <= k

    def _rank(self, me: Place) -> int:
        return bisect_left(self.places, me) + 1

    # --- changing ---------------------------------------------------------------------------------------------------

    def applied(self, event: Event) -> None:
        """As every scheduler; a trial that has failed gives its place among the best to the next."""
        if event["e"] == "error" and event.get("failure") != ENDED and event["id"] in self._value:
            place = (self._value[event["id"]], event["id"])
            del self.places[bisect_left(self.places, place)]
        super().applied(event)

    def on_start(self, trial: str, event: Event) -> None:
        """Below the rung."""
        self._below.add(trial)

    def on_result(self, trial: str, event: Event) -> None:
        """Take a place in the rung, and wait there if that was decided."""
        if trial not in self._below or event["epoch"] < self.rung:
            return
        self._below.remove(trial)
        self._screened += 1
        self._value[trial] = event["value"]
        place = (event["value"], trial)
        insort(self.places, place)
        if event["d"] == Action.PAUSE:
            insort(self.paused, place)
        k = max(self.places_to_the_end(self._screened), 1)
        for left in self.places[k : k + 1]:
            self._let_go(left)

    def on_checkpoint(self, saved: Checkpoint) -> None:
        """A paused trial's checkpoint is kept while it is among the best k."""
        place = (self._value.get(saved[0], 0.0), saved[0])
        if self._rank(place) > max(self.places_to_the_end(self._screened), 1):
            self._let_go(place)

    def on_promote(self, trial: str) -> None:
        """Leave the rung; the checkpoint to start from is needed after all."""
        if self._leave(trial):
            self.needs_checkpoint(trial)

    def on_end(self, trial: str) -> None:
        """Whoever ends while it waits goes on no more."""
        self._leave(trial)
        self._value.pop(trial, None)
        self._below.discard(trial)

    def _let_go(self, place: Place) -> None:
        """Nobody will start from a paused trial's checkpoint any more."""
        at = bisect_left(self.paused, place)
        if self.paused[at : at + 1] == [place]:
            self.needs_no_checkpoint(place[1])

    def _leave(self, trial: str) -> bool:
        place = (self._value.get(trial, 0.0), trial)
        at = bisect_left(self.paused, place)
        if self.paused[at : at + 1] != [place]:
            return False
        del self.paused[at]
        return True


STRATEGIES.register(
    "topk",
    Entry(
        name="topk",
        summary="all trials train one epoch, the best k of them to the end",
        scheduler="one rung, then the best k",
        searcher="random",
        paper="Egele et al., Neurocomputing 597 (2024) 127964, https://arxiv.org/abs/2404.04111",
        when="As the baseline that a method with rungs has to beat, and where the order after the first epochs (grace_period) is "
        "the order at the end. It trains fewer half-good trials on than asha, and forgives no bad first epoch.",
        differs="The paper trains a fixed number of configurations for i epochs and then the best k one after the other. Here "
        "a trial goes on as soon as no other can displace it, so that workers wait for the last of the rung alone; k comes from the budget (half of the epochs "
        "for the rung, half for the best), a trial that fails gives its place to the next, and with a time budget alone the best "
        "waiting trial goes on whenever the rung has had more epochs than the trainings to the end.",
        settings=TopkSettings,
        build=Topk,
        needs_checkpoints=True,
    ),
)
