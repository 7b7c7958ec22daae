"""A port without a process, for tests of everything around Dragonfly."""

from __future__ import annotations

from perch.strategies.plan import Plan
from perch.strategies.searchers.prefetch import Inline, Port, Question, Reply


def instant(plan: Plan) -> Port:
    """Random points, by the seed and the question."""
    space = plan.space

    def answer(question: Question) -> Reply:
        config = space.draw(plan.seed, question.number, f"instant/{len(question.results)}/{len(question.pending)}")
        return Reply({k: config[k] for k in space.dimensions}, {"acq": "none"})

    return Inline(answer)
