"""Asynchronous Hyperband: ASHA with several brackets, whose first rungs lie η apart.

Li et al., JMLR 18 (2018) 1, https://jmlr.org/papers/v18/16-558.html
"""

from __future__ import annotations

import math
from typing import Any

from pydantic import Field

from perch.space import keyed_uniforms
from perch.strategies.asha import Asha, AshaSettings
from perch.strategies.plan import Plan
from perch.strategies.registry import STRATEGIES, Entry
from perch.strategies.strategy import Searcher


class AhbSettings(AshaSettings):
    """AHB's settings."""

    brackets: int = Field(
        3, ge=1, le=10, description="ladders of rungs; ladder s starts at grace_period times η to the s"
    )


class Ahb(Asha):
    """Each trial goes to a bracket drawn by a softmax over the brackets' numbers of rungs, as Ray draws it."""

    def __init__(self, plan: Plan, settings: Any = None, searcher: Searcher | None = None) -> None:
        settings = AhbSettings() if settings is None else settings
        super().__init__(plan, settings, searcher, brackets=settings.brackets)
        sizes = [self._size(s) for s in range(settings.brackets)]
        weights = [math.exp(size - max(sizes)) for size in sizes]
        self.shares = [w / sum(weights) for w in weights]

    def bracket_of(self, ordinal: int) -> int:
        """A draw that depends on the seed and the trial's ordinal alone."""
        left = next(keyed_uniforms(self.plan.seed, "bracket", ordinal))
        for bracket, share in enumerate(self.shares):
            left -= share
            if left < 0:
                return bracket
        return len(self.shares) - 1

    def _size(self, bracket: int) -> int:
        """Rungs of a bracket, one at the last epoch included as Ray counts it."""
        rungs, eta = self.brackets[bracket], self.settings.reduction_factor
        top: int = rungs[-1].epoch * eta if rungs else self.settings.grace_period * eta**bracket
        return len(rungs) + (top == self.plan.epochs)


STRATEGIES.register(
    "ahb",
    Entry(
        name="ahb",
        summary="ASHA in three brackets, the later of which give trials more time before the first cut",
        scheduler="asynchronous Hyperband (3 brackets)",
        searcher="random",
        paper="Li et al., JMLR 18 (2018) 1, https://jmlr.org/papers/v18/16-558.html",
        when="You are unsure how early a trial can be judged: part of the trials gets a longer grace period. It costs "
        "trials: in the source study ASHA ran about twice as many.",
        differs="The paper's Hyperband runs its brackets one after the other with equal budgets; here, as in Ray, each trial "
        "is put into a bracket at random, with weights that grow as e to the number of rungs (about 66, 24 and 9 in a "
        "hundred). Ray's default is one bracket, which makes it the same as ASHA, and it draws from an unseeded generator; "
        "here the draw depends on the seed and the trial's number. A bracket whose first rung would lie beyond the last "
        "epoch trains its trials to the end.",
        settings=AhbSettings,
        build=Ahb,
    ),
)
