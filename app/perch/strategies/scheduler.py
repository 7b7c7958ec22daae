"""What all schedulers share: which trials live, who proposes the next one, and which checkpoints are still of use."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from perch.errors import StrategyError
from perch.numeric import is_finite
from perch.strategies.judged import RungStatistic
from perch.strategies.plan import Plan
from perch.strategies.prior import from_prior
from perch.strategies.searchers.random import RandomSearch
from perch.strategies.strategy import (
    DONE,
    GO,
    STOP,
    Action,
    Answer,
    Checkpoint,
    Config,
    Decision,
    Event,
    New,
    Searcher,
    Strategy,
)
from perch.vocabulary import INFEASIBLE, REQUEST


class Scheduler(Strategy):
    """Trains every configuration to the last epoch. Other schedulers override ``judge``, and more where they pause.

    Events of trials that have ended, repeated ones and unknown kinds change nothing.
    """

    def __init__(self, plan: Plan, settings: Any = None, searcher: Searcher | None = None) -> None:
        self.plan = plan
        self.settings = settings
        self.searcher: Searcher = RandomSearch(plan) if searcher is None else searcher
        self._believes = bool(plan.space.priors) and self.searcher.takes_priors
        self.trials = plan.trials
        self.statistic = RungStatistic(getattr(settings, "judge", "last"))
        self.judged_by = self.statistic.kind
        self.started = 0
        self.added = 0
        """Trials among them that somebody has added by hand: they take no place of the strategy's own."""
        self.infeasible = 0
        """Trials among them that were not started since they do not fit the device: the budget is for the others."""
        self.last_epoch: dict[str, int] = {}
        """Epochs that each live trial has reported in its current segment."""
        self.segment: dict[str, int] = {}
        """Segment of live trials that have left segment 0."""
        self._held: dict[str, list[Checkpoint]] = {}
        self._surplus: dict[Checkpoint, None] = {}

    # --- looking ----------------------------------------------------------------------------------------------------

    def ask(self, now_s: float) -> Answer:
        """A new trial while the budget lasts; DONE once the last one has ended."""
        if self.trials is not None and self.counted >= self.trials:
            return None if self.last_epoch else DONE
        return self.next_new(now_s)

    def next_new(self, now_s: float) -> New | None:
        """The next of the study's points, then suggestions from the priors and the searcher's own."""
        points = self.plan.points
        if self.own < len(points):
            new: New | None = New(self.plan.space.complete(points[self.own]), by="point")
        else:
            ordinal = self.own - len(points)
            believed = from_prior(self.plan, ordinal) if self._believes else None
            new = self.searcher.suggest(ordinal, now_s) if believed is None else believed
        if new is None:
            return None
        bracket = self.bracket_of(self.own)
        return new if bracket == new.bracket else New(new.config, bracket, new.by, new.ask_s, new.note)

    @property
    def own(self) -> int:
        """Trials that the strategy has asked for itself."""
        return self.started - self.added

    @property
    def counted(self) -> int:
        """Those of them that the budget counts."""
        return self.own - self.infeasible

    def by_hand(self, config: Config) -> New:
        """The configuration with what the space fixes. Raises StrategyError for one outside the space."""
        space = self.plan.space
        for problem in space.problems(config):
            raise StrategyError(
                "the configuration lies outside the search space",
                why=problem,
                fix="correct it: see 'space' in the run's study.yaml",
            )
        return New(space.complete(config), self.bracket_of(self.started), REQUEST)

    def tell(self, trial: str, epoch: int, value: float, now_s: float, training_loss: float | None = None) -> Decision:
        """Stop at the last epoch and at a value that is no finite number; else as ``judge`` says of the rung's statistic."""
        if epoch >= self.plan.epochs or trial not in self.last_epoch or not is_finite(value):
            return STOP
        if epoch <= self.last_epoch[trial]:
            return GO
        if self.judged_by == "last":
            return self.judge(trial, epoch, value)
        judged = self.statistic.of(trial, value, training_loss)
        decision = self.judge(trial, epoch, judged)
        return decision if decision.rung is None else replace(decision, judged=judged)

    def bracket_of(self, ordinal: int) -> int:
        """Bracket of trial number ``ordinal``."""
        return 0

    def judge(self, trial: str, epoch: int, value: float) -> Decision:
        """What becomes of a live trial that reports something new before its last epoch; ``value``: the rung's statistic."""
        return GO

    def needs_checkpoint(self, trial: str) -> None:
        """A live trial starts from its checkpoint after all."""
        for checkpoint in self._held.get(trial, ()):
            self._surplus.pop(checkpoint, None)

    def needs_no_checkpoint(self, trial: str) -> None:
        """Nobody will start from a live trial's checkpoint any more."""
        self._surplus.update(dict.fromkeys(self._held.get(trial, ())))

    def surplus(self) -> tuple[Checkpoint, ...]:
        """Checkpoints that the log holds and nobody will start from any more."""
        return tuple(self._surplus)

    @property
    def waiting(self) -> bool:
        """True while the searcher works out the suggestion that was asked for last."""
        return self.searcher.waiting

    def wait(self, seconds: float) -> None:
        """Block until the searcher has a suggestion, at most so long."""
        self.searcher.wait(seconds)

    def close(self) -> None:
        """End the searcher's process, if it has one."""
        self.searcher.close()

    # --- changing ---------------------------------------------------------------------------------------------------

    def applied(self, event: Event) -> None:
        """Take note of what happened, and let the searcher do so."""
        kind = event["e"]
        if kind == "result":
            self._on_result(event)
        elif kind == "trial":
            self._on_trial(event)
        elif kind == "error":
            self.infeasible += event.get("failure") == INFEASIBLE and event["id"] in self.last_epoch
            self._end(event["id"])
        elif kind == "checkpoint":
            self._on_checkpoint((event["id"], event["seg"], event["epoch"]))
        elif kind == "drop":
            self._on_drop((event["id"], event["seg"], event["epoch"]))
        elif kind in ("promote", "keep"):
            self.on_promote(event["id"])
        elif kind == "budget":
            self.on_budget(event["trials"])
        self.searcher.applied(event)

    def on_budget(self, trials: int | None) -> None:
        """So many trials of its own from here on."""
        self.trials = trials

    def on_start(self, trial: str, event: Event) -> None:
        """A new trial."""

    def on_result(self, trial: str, event: Event) -> None:
        """A result, new and finite, of a live trial; its ``value`` is what a rung has compared, where one has."""

    def on_promote(self, trial: str) -> None:
        """A paused trial goes on."""

    def on_checkpoint(self, saved: Checkpoint) -> None:
        """A live trial has left a new checkpoint."""

    def on_end(self, trial: str) -> None:
        """A trial has ended, by a stop or a failure."""

    def _on_trial(self, event: Event) -> None:
        trial = event["id"]
        if event["i"] < self.started:  # a repeated line
            return
        self.started = event["i"] + 1
        self.added += event.get("by") == REQUEST
        self.last_epoch[trial] = 0
        self.on_start(trial, event)

    def _on_result(self, event: Event) -> None:
        trial, epoch = event["id"], event["epoch"]
        last = self.last_epoch.get(trial)
        if last is None or epoch <= last or event.get("seg", 0) != self.segment.get(trial, 0):
            return
        self.last_epoch[trial] = epoch
        if is_finite(value := event.get("value")):
            judged = event.get("judged")
            self.on_result(trial, event if judged is None else {**event, "value": judged})
            self.statistic.applied(trial, value)
        action = event["d"]
        if action == Action.STOP:
            self._end(trial)
        elif action == Action.EXPLOIT:
            self.segment[trial] = event.get("seg", 0) + 1
            self.last_epoch[trial] = event["x"]["epoch"]

    def _end(self, trial: str) -> None:
        if self.last_epoch.pop(trial, None) is None:
            return
        self.segment.pop(trial, None)
        self.statistic.ended(trial)
        self._surplus.update(dict.fromkeys(self._held.pop(trial, ())))
        self.on_end(trial)

    def _on_checkpoint(self, saved: Checkpoint) -> None:
        trial, segment, _ = saved
        held = self._held.setdefault(trial, [])
        if saved in held:
            return
        if trial not in self.last_epoch or segment != self.segment.get(trial, 0) or (held and saved < held[-1]):
            self._surplus[saved] = None
            return
        self._surplus.update(dict.fromkeys(held))
        self._held[trial] = [saved]
        self.on_checkpoint(saved)

    def _on_drop(self, gone: Checkpoint) -> None:
        self._surplus.pop(gone, None)
        held = self._held.get(gone[0])
        if held and gone in held:
            held.remove(gone)
