"""Suggestions from what is believed of the space: a share of them that falls, the same for every searcher.

Suggestion n (from 0) comes from the priors with probability β / (β + n), and the first is their centre. The decay is that of πBO
(Hvarfner et al., ICLR 2022, https://arxiv.org/abs/2204.11051), whose priors count with the power β/n; that they enter as a share of the
draws and not through the acquisition, so that every searcher can have them, is PriorBand's way (Mallik et al., NeurIPS 2023,
https://arxiv.org/abs/2306.12370). Of N suggestions about β ln(1 + N/β) come from the priors: that is all that a wrong one can cost.
"""

from __future__ import annotations

from typing import Final

from perch.space import keyed_uniforms
from perch.strategies.plan import Plan
from perch.strategies.strategy import New

BETA: Final = 10.0
"""Half of the suggestions around this number come from the priors."""
BY: Final = "prior"
"""Who suggested such a configuration."""


def from_prior(plan: Plan, ordinal: int) -> New | None:
    """Suggestion number ``ordinal`` where it comes from the priors, None where the searcher makes it. Depends on seed and number alone."""
    space = plan.space
    if not any(key in space.priors for key in space.dimensions):
        return None
    if ordinal == 0 and all(key in space.priors for key in space.dimensions):
        centre = space.complete({key: space.priors[key].centre for key in space.dimensions})
        if space.allows(centre):
            return New(centre, by=BY)
    if next(keyed_uniforms(plan.seed, "from prior", ordinal)) >= BETA / (BETA + ordinal):
        return None
    return New(space.draw_from_priors(plan.seed, ordinal), by=BY)
