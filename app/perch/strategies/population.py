"""What population based training demands of a study: only the algorithm is searched, and there are enough members."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from perch.errors import StrategyError
from perch.space import Space
from perch.strategies.plan import Plan, check_points

DEFAULT_POPULATION = 16


class PopulationSettings(Protocol):
    """The settings that are read here."""

    @property
    def population_size(self) -> int | None:
        """Members, or None for the budget's number of trials."""

    @property
    def perturbation_interval(self) -> int:
        """Epochs between two comparisons."""

    @property
    def architecture(self) -> Mapping[str, Any] | None:
        """Values that fix searched keys."""


def population_size(plan: Plan, settings: PopulationSettings) -> int:
    """Members of the population. Raises StrategyError when no member could ever copy another."""
    size = settings.population_size or plan.trials or max(DEFAULT_POPULATION, plan.workers)
    if plan.trials is not None and size > plan.trials:
        raise StrategyError(
            f"population_size is {size}, above the budget of {plan.trials} trials",
            why="every member is a trial",
            fix=f"set budget.trials to {size}, or population_size to {plan.trials}",
        )
    if size < 2:
        raise StrategyError(
            "a population of one cannot learn from others",
            why="population based training copies the best members over the worst",
            fix="set population_size, or budget.trials, to 16 or so; 4 at least make sense",
        )
    if settings.perturbation_interval >= plan.epochs:
        raise StrategyError(
            f"perturbation_interval is {settings.perturbation_interval}, with {plan.epochs} epochs a trial",
            why="no member would ever be compared with the others before its end",
            fix=f"set perturbation_interval to {max(plan.epochs // 10, 1)} or so, or raise epochs",
        )
    return size


def take_architecture(space: Space, best: Mapping[str, Any], architecture_keys: tuple[str, ...]) -> dict[str, Any]:
    """Of an earlier run's best configuration, the values of the architecture that this space searches.

    Raises StrategyError when the configuration lacks one, or when it is unknown which keys are architecture.
    """
    wanted = [key for key in space.dimensions if key in architecture_keys]
    missing = [key for key in wanted if key not in best]
    if missing or not wanted:
        known = (
            f"'{missing[0]}' is not in its configurations"
            if missing
            else "the space searches no key known as architecture"
        )
        raise StrategyError(
            "the architecture cannot be taken from that run",
            why=known,
            fix="write the values: architecture: {width: 64}",
        )
    return {key: best[key] for key in wanted}


def fix_architecture(plan: Plan, settings: PopulationSettings) -> Plan:
    """The plan with ``architecture`` fixed in its space. Raises StrategyError when more than the algorithm is searched."""
    space = _fixed(plan.space, settings.architecture or {})
    allowed = plan.algorithm_keys
    refused = [k for k in space.dimensions if k in plan.architecture_keys or (allowed is not None and k not in allowed)]
    if refused:
        may = f"may be perturbed: {', '.join(allowed)}" if allowed else "only the training algorithm may be perturbed"
        if allowed is not None and not plan.architecture_keys:
            raise StrategyError(
                f"pbt cannot search {', '.join(refused)}",
                why="the program keeps its value when it goes on from another's checkpoint; those that it takes over "
                f"(trainable.changeable): {', '.join(allowed) or 'none'}",
                fix="fix them in the space; where the program does take one over, name it under trainable.changeable",
            )
        raise StrategyError(
            f"pbt cannot search {', '.join(refused)}",
            why="a copied checkpoint holds weights of one shape, on one set of graphs, so these cannot change during training",
            fix=f"fix them in the space, or give 'architecture: {{from: RUN}}'; {may}",
        )
    if not space.dimensions:
        raise StrategyError(
            "pbt finds nothing to perturb",
            why="every key of the space is fixed",
            fix=f"search one of {', '.join(allowed)}" if allowed else "search one setting of the training algorithm",
        )
    plan = replace(plan, space=space)
    check_points(plan)
    return plan


def _fixed(space: Space, values: Mapping[str, Any]) -> Space:
    for key, value in values.items():
        problem = ""
        if key not in space.dimensions and key not in space.fixed:
            problem = f"'{key}' is not in the space"
        elif key in space.dimensions and not space.dimensions[key].contains(value):
            problem = f"{key} = {value!r} lies outside {space.dimensions[key].spec()}"
        elif key in space.fixed and space.fixed[key] != value:
            problem = f"the space fixes {key} at {space.fixed[key]!r}, not {value!r}"
        if problem:
            raise StrategyError(
                "architecture does not fit the space", why=problem, fix="correct the value, or the space"
            )
    dimensions = {k: d for k, d in space.dimensions.items() if k not in values}
    return replace(space, dimensions=dimensions, fixed={**space.fixed, **values})
