"""Random search: configuration k depends on (seed, k) alone, whatever the scheduler does with it.

Bergstra & Bengio, JMLR 13 (2012) 281, https://jmlr.org/papers/v13/bergstra12a.html
"""

from __future__ import annotations

from perch.strategies.plan import Plan
from perch.strategies.strategy import Event, New, Searcher


class RandomSearch(Searcher):
    """Draws every configuration afresh and learns nothing."""

    name = "random"

    def __init__(self, plan: Plan) -> None:
        self._space, self._seed = plan.space, plan.seed

    def suggest(self, ordinal: int, now_s: float) -> New:
        """Configuration number ``ordinal`` of this seed."""
        return New(self._space.draw(self._seed, ordinal))

    def applied(self, event: Event) -> None:
        """Nothing to learn."""
