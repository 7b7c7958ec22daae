"""Population based training, asynchronous: the worst quarter goes on from a member of the best quarter, perturbed.

Jaderberg et al., Population Based Training of Neural Networks (2017), https://arxiv.org/abs/1711.09846
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from dataclasses import dataclass
from typing import Any

from pydantic import Field, field_validator

from perch.space import keyed_rng
from perch.strategies.perturb import perturb
from perch.strategies.plan import Plan
from perch.strategies.population import fix_architecture, population_size
from perch.strategies.registry import STRATEGIES, Entry, Settings
from perch.strategies.scheduler import Scheduler
from perch.strategies.strategy import (
    DONE,
    GO,
    Action,
    Answer,
    Checkpoint,
    Config,
    Decision,
    Event,
    Exploit,
    Resume,
    Searcher,
)


class PbtSettings(Settings):
    """PBT's settings; the names are Ray's, the defaults the paper's."""

    population_size: int | None = Field(None, ge=2, description="members; not given: budget.trials, or else 16")
    perturbation_interval: int = Field(
        4, ge=1, description="epochs between two comparisons of a member with the others"
    )
    quantile_fraction: float = Field(0.25, gt=0, le=0.5, description="share that is replaced, and share that it copies")
    resample_probability: float = Field(
        0.25, ge=0, le=1, description="chance that a value is drawn afresh, not perturbed"
    )
    perturbation_factors: tuple[float, ...] = Field(
        (0.8, 1.2), description="what a number is multiplied by, one at random"
    )
    architecture: dict[str, int | float | bool | str] | None = Field(
        None, description="values that fix the searched architecture, such as those of an earlier run's best trial"
    )

    @field_validator("perturbation_factors")
    @classmethod
    def _positive(cls, factors: tuple[float, ...]) -> tuple[float, ...]:
        if not factors or not all(f > 0 and math.isfinite(f) for f in factors):
            raise ValueError("factors must be positive numbers, one at least")
        return factors


@dataclass(slots=True)
class Member:
    """One trial of the population; ``score`` is its value at ``epoch``, the last comparison."""

    config: Config
    epoch: int = 0
    score: float | None = None
    copied: bool = False
    """It has exploited since it last paused for others."""


class Pbt(Scheduler):
    """A population larger than the workers takes turns: a member pauses after each interval while others wait."""

    def __init__(self, plan: Plan, settings: Any = None, searcher: Searcher | None = None) -> None:
        settings = PbtSettings() if settings is None else settings
        plan = fix_architecture(plan, settings)
        super().__init__(plan, settings, searcher)
        self.trials = population_size(plan, settings)
        self.notices = (f"a population of {self.trials}, compared every {settings.perturbation_interval} epochs",)
        self.members: dict[str, Member] = {}
        """Live members only: one that has ended is neither compared nor copied."""
        self._scores: list[tuple[float, str]] = []
        """Sorted: the members' scores."""
        self._waiting: list[tuple[int, str]] = []
        """Sorted: epochs and names of the paused members."""
        self._starts: dict[str, Checkpoint] = {}
        """Donor's checkpoint of members that have left none of their own since."""

    # --- looking ----------------------------------------------------------------------------------------------------

    def ask(self, now_s: float) -> Answer:
        """Fill the population, then resume the member that is furthest behind."""
        assert self.trials is not None
        if self.counted < self.trials:
            return self.next_new(now_s)
        if self._waiting:
            return Resume(self._waiting[0][1])
        return None if self.members else DONE

    def judge(self, trial: str, epoch: int, value: float) -> Decision:
        """After each interval: exploit if among the worst, leave a checkpoint if among the best, pause for others."""
        if epoch - self.members[trial].epoch < self.settings.perturbation_interval:
            return GO
        ordered = self._ordered(trial, value)
        size, share = len(ordered), quantile_size(len(ordered), self.settings.quantile_fraction)
        place = bisect_left(ordered, (value, trial))
        cutoff = ordered[size - share - 1][0] if share else None
        others_wait, exploit = self._others_wait(), None
        # the scores of members that wait do not change: a second exploit would be decided by the same ones, and so on
        if place >= size - share and not (others_wait and self.members[trial].copied):
            exploit = self._exploit(trial, epoch, [t for _, t in ordered[:share]])
        if exploit:
            action = Action.EXPLOIT
        elif others_wait:
            action = Action.PAUSE
        else:
            action = Action.SAVE if place < share else Action.GO
        return Decision(action, epoch, cutoff, place + 1, size, exploit)

    def surplus(self) -> tuple[Checkpoint, ...]:
        """A checkpoint is kept while it is its member's newest, or while an exploiter would start from it."""
        if not self._surplus:
            return ()
        starts = set(self._starts.values())
        return tuple(c for c in self._surplus if c not in starts)

    def _ordered(self, trial: str, value: float) -> list[tuple[float, str]]:
        """Scores of the live members, best first, this trial's at its new value."""
        ordered, old = self._scores.copy(), self.members[trial].score
        if old is not None:
            del ordered[bisect_left(ordered, (old, trial))]
        insort(ordered, (value, trial))
        return ordered

    def _exploit(self, trial: str, epoch: int, best: list[str]) -> Exploit | None:
        """Copy one of the best that has a checkpoint in the log; None when none has."""
        donors = [t for t in best if self._held.get(t)]
        if not donors:
            return None
        rng = keyed_rng(self.plan.seed, "exploit", trial, self.segment.get(trial, 0), epoch)
        donor = donors[int(rng.integers(len(donors)))]
        _, segment, at = self._held[donor][-1]
        config = perturb(
            self.plan.space,
            self.members[donor].config,
            rng,
            factors=self.settings.perturbation_factors,
            resample_probability=self.settings.resample_probability,
        )
        return Exploit(donor, segment, at, config)

    def _others_wait(self) -> bool:
        assert self.trials is not None
        return self.counted < self.trials or bool(self._waiting)

    # --- changing ---------------------------------------------------------------------------------------------------

    def on_budget(self, trials: int | None) -> None:
        """A population whose size the study does not name grows and shrinks with the budget."""
        if self.settings.population_size is None and trials is not None:
            self.trials = trials

    def on_start(self, trial: str, event: Event) -> None:
        """A new member."""
        self.members[trial] = Member(dict(event["config"]))

    def on_result(self, trial: str, event: Event) -> None:
        """Keep the score of a comparison, and follow an exploit."""
        member, epoch = self.members[trial], event["epoch"]
        if epoch - member.epoch >= self.settings.perturbation_interval:
            self._scores = self._ordered(trial, event["value"])
            member.score, member.epoch = event["value"], epoch
        if event["d"] == Action.PAUSE:
            insort(self._waiting, (member.epoch, trial))
            member.copied = False
        if event["d"] == Action.EXPLOIT:
            x = event["x"]
            member.config, member.epoch, member.copied = dict(x["config"]), x["epoch"], True
            self._surplus.update(dict.fromkeys(self._held.pop(trial, ())))
            self._starts[trial] = (x["donor"], x["seg"], x["epoch"])

    def on_promote(self, trial: str) -> None:
        """A paused member goes on."""
        if trial in self.members:
            self._leave(self._waiting, (self.members[trial].epoch, trial))

    def on_checkpoint(self, saved: Checkpoint) -> None:
        """The member's own checkpoint replaces its donor's."""
        self._starts.pop(saved[0], None)

    def on_end(self, trial: str) -> None:
        """The trial leaves the population."""
        member = self.members.pop(trial)
        self._leave(self._waiting, (member.epoch, trial))
        if member.score is not None:
            self._leave(self._scores, (member.score, trial))
        self._starts.pop(trial, None)

    @staticmethod
    def _leave(ordered: list[Any], entry: tuple[float, str]) -> None:
        """Take an entry out of a sorted list, if it is there."""
        place = bisect_left(ordered, entry)
        if place < len(ordered) and ordered[place] == entry:
            del ordered[place]


def quantile_size(members: int, fraction: float) -> int:
    """Members in the best and in the worst quantile: rounded up, at most half of all, none when there is only one."""
    return min(math.ceil(members * fraction), members // 2)


STRATEGIES.register(
    "pbt",
    Entry(
        name="pbt",
        summary="a population trains together; the worst go on from copies of the best with perturbed settings",
        scheduler="population based training (asynchronous)",
        searcher="random, for the first population",
        paper="Jaderberg et al., 2017, https://arxiv.org/abs/1711.09846",
        when="You want a schedule, of the learning rate say, or tuner and trainer in one: the best member's lineage is a "
        "trained model and the schedule that made it. 16 to 32 members. Architecture cannot change during training: fix it "
        "first, with asha.",
        differs="Asynchronous, as in the paper: no member waits for the slowest. Against Ray's: values stay in their declared "
        "range and kind; donors are chosen among checkpoints that exist, so an exploit is never skipped half-way; draws "
        "depend on (seed, trial, segment, epoch); a population larger than the workers takes turns fairly; every exploit is "
        "in the log, so the schedule can be read off. A whole number moves by one at least, and an unordered choice changes "
        "only when resampled.",
        settings=PbtSettings,
        build=Pbt,
        needs_checkpoints=True,
        algorithm_keys_only=True,
    ),
)
