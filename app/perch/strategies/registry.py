"""Strategies by name: what each is, its settings, and how to build one for a plan.

Adding a strategy is adding one file to this folder that registers an ``Entry``; the command line, the study file and
the contract tests then know it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from perch.errors import StrategyError, did_you_mean
from perch.registry import Registry
from perch.strategies.plan import Past, Plan, check_points
from perch.strategies.strategy import Searcher, Strategy

__all__ = ["STRATEGIES", "Entry", "Past", "Plan", "Settings", "build", "read_settings"]


class Settings(BaseModel):
    """Base of every strategy's settings: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Entry:
    """A strategy as people see it, and the function that builds it.

    ``build(plan, settings, searcher)`` takes a searcher that somebody else made, or makes its own when given None.
    """

    name: str
    summary: str
    scheduler: str
    searcher: str
    paper: str
    when: str
    differs: str
    settings: type[BaseModel]
    build: Callable[[Plan, Any, Searcher | None], Strategy]
    needs_checkpoints: bool = False
    algorithm_keys_only: bool = False
    page: str = ""


STRATEGIES: Final[Registry[Entry]] = Registry("strategy", "perch.strategies", StrategyError)


def build(spec: str | Mapping[str, Any], plan: Plan, searcher: Searcher | None = None) -> Strategy:
    """Build a strategy from the ``strategy:`` of a study file: a name, or ``{name: asha, reduction_factor: 4}``.

    Raises StrategyError for an unknown name or setting, a value out of range, or a plan that the strategy cannot serve.
    """
    entry, settings = read_settings(spec)
    _check_plan(entry, plan)
    return entry.build(plan, settings, searcher)


def read_settings(spec: str | Mapping[str, Any]) -> tuple[Entry, Any]:
    """The registered entry that ``spec`` names, with its settings checked and completed."""
    values = {"name": spec} if isinstance(spec, str) else dict(spec)
    name = values.pop("name", None)
    if not isinstance(name, str):
        raise StrategyError(
            "strategy: no name is given",
            why=f"it reads {spec!r}",
            fix="write 'strategy: asha' or 'strategy: {name: asha, reduction_factor: 3}'",
        )
    entry = STRATEGIES.get(name)
    try:
        return entry, entry.settings(**values)
    except ValidationError as error:
        raise _readable(entry, error) from error


def _readable(entry: Entry, error: ValidationError) -> StrategyError:
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"])) or "settings"
    known = list(entry.settings.model_fields)
    if first["type"] == "extra_forbidden":
        return StrategyError(
            f"strategy {entry.name}: no setting is called '{key}'",
            why=did_you_mean(key, known) if known else f"{entry.name} has no settings",
            fix=f"'perch strategies {entry.name}' explains each",
        )
    field = entry.settings.model_fields.get(str(first["loc"][0])) if first["loc"] else None
    default = "" if field is None else f"; the default is {field.default}"
    return StrategyError(
        f"strategy {entry.name}: {key} is {first['input']!r}",
        why=first["msg"].removeprefix("Value error, ").replace("Input", "it"),
        fix=f"change {key}{default}",
    )


def _check_plan(entry: Entry, plan: Plan) -> None:
    if plan.epochs < 1:
        raise StrategyError(
            "epochs is below 1", why=f"it is {plan.epochs}", fix="let a trial train for one epoch at least"
        )
    if plan.trials is not None and plan.trials < 1:
        raise StrategyError("budget.trials is below 1", why=f"it is {plan.trials}", fix="allow one trial at least")
    if entry.needs_checkpoints and not plan.can_checkpoint:
        raise StrategyError(
            f"strategy {entry.name} needs checkpoints",
            why="there will be none: the study says 'checkpoints: none', or the trainable cannot both save and load",
            fix="allow them ('checkpoints: needed'), or use a strategy that only stops trials (asha, median)",
        )
    check_points(plan)
