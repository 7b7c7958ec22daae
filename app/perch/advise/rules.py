"""The cheat sheet as rules: data, each with its reason and its source. The first that applies is the advice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from perch.advise.facts import Facts

PUBLISHED: Final = "the published study (Wood, NERSC, 2020); see 'The study'"


@dataclass(frozen=True)
class Rule:
    """``applies`` decides, ``reason`` says why in the study's own numbers. ``settings``: of the strategy."""

    strategy: str
    applies: Callable[[Facts], bool]
    reason: Callable[[Facts], str]
    source: str
    settings: dict[str, Any] = field(default_factory=dict)


def _affords_the_grid(f: Facts) -> bool:
    return f.full_trainings is not None and f.combinations <= min(f.full_trainings, 1000)


def _affords_a_model(f: Facts) -> bool:
    """A few hundred full trainings at most, enough for a surrogate of that many dimensions, and dimensions to model."""
    return f.full_trainings is not None and f.searched >= 3 and 10 * (f.searched + 1) <= f.full_trainings <= 300


RULES: Final = (
    Rule(
        "pbt", lambda f: f.schedule and not f.architecture and f.can_checkpoint and f.workers >= 8,
        lambda f: f"a schedule is wanted, no architecture is searched, and {f.workers} workers make a population",
        "Jaderberg et al. (2017), https://arxiv.org/abs/1711.09846; 16 to 32 workers in " + PUBLISHED,
    ),
    Rule(
        "grid", _affords_the_grid,
        lambda f: f"the space has {f.combinations:.0f} combinations, and the budget trains {f.full_trainings:.0f} to the end: "
        "every one can be seen",
        "the cheat sheet: grid only for tiny spaces",
    ),
    Rule(
        "rs", lambda f: f.epochs <= 3,
        lambda f: f"a training of {f.epochs} epoch{'s' if f.epochs > 1 else ''} leaves nothing to stop early",
        "the cheat sheet: no scheduler when trials are short",
    ),
    Rule(
        "rs", lambda f: bool(f.reliability) and f.reliability[-1][1] < 0.3,
        lambda f: f"values at epoch {f.reliability[-1][0]} say next to nothing about the last (rank correlation "
        f"{f.reliability[-1][1]:.2f}): nothing may be stopped on them",
        "the cheat sheet: no scheduler when early results mislead; Li et al., MLSys 2020, section 4.1",
    ),
    Rule(
        "asha-tpe", _affords_a_model,
        lambda f: f"{f.full_trainings:.0f} full trainings for {f.searched} dimensions: enough for a model, too few to cover the "
        "space at random; it need not help in the mean, and its curve starts late",
        "study 2 of " + PUBLISHED + ": no gain in the mean, the single best trial",
    ),
    Rule(
        "asha", lambda f: True,
        lambda f: "it tries many times more configurations than random search in the same time, and has nothing to set",
        "Li et al., MLSys 2020, https://arxiv.org/abs/1810.05934; " + PUBLISHED,
    ),
)  # fmt: skip
"""In order. The last always applies."""


def advice(facts: Facts) -> tuple[Rule, list[Rule]]:
    """The rule to follow, and those that apply too."""
    found = [rule for rule in RULES if rule.applies(facts)]
    return found[0], found[1:]
