"""Optuna's samplers as searchers: TPE in the loop, the Gaussian process asked ahead.

Watanabe, Tree-Structured Parzen Estimator (2023), https://arxiv.org/abs/2304.11127; Optuna: Akiba et al., KDD 2019,
https://arxiv.org/abs/1907.10902. Samplers are seeded by (seed, number) for every suggestion, so none is a stream.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from perch.dimension import Choice, Dimension, Float
from perch.errors import StrategyError
from perch.numeric import is_finite
from perch.space import Space, keyed_uniforms
from perch.strategies.plan import Plan
from perch.strategies.searchers.design import Design
from perch.strategies.searchers.observations import NOT_ITS_FAULT, bounded_losses
from perch.strategies.searchers.prefetch import FEWEST_RESULTS, Question, Reply, initial_points
from perch.strategies.strategy import Action, Config, Event, New, Searcher

if TYPE_CHECKING:
    import optuna

MOST_REFUSED: Final = 20
"""Suggestions against the conditions in a row, after which a random one is taken."""

MOST_RESULTS: Final = 400
"""Results that the Gaussian process is given: its time grows with their cube, 0.4 s for 100, 1.2 s for 400, 8 s for 1,000."""

Curve = dict[int, float]


def load_optuna() -> Any:
    """The library, quiet. Raises StrategyError where it is not installed."""
    try:
        import optuna
    except ImportError as error:
        raise StrategyError(
            "Optuna is not installed",
            why=str(error),
            fix="pip install 'perch-hpo[optuna]'; random search and ASHA need nothing",
        ) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


class Axes:
    """The searched dimensions as Optuna's distributions: numbers of a choice keep their order, words have none."""

    def __init__(self, dimensions: dict[str, Dimension]) -> None:
        self._dimensions = dimensions
        self._items = {k: _ordered(d) for k, d in dimensions.items() if isinstance(d, Choice)}
        self.distributions: dict[str, Any] = {k: self._distribution(k, d) for k, d in dimensions.items()}

    def encode(self, config: Config) -> dict[str, Any]:
        """A configuration as Optuna's parameters."""
        return {k: _place(self._items[k], config[k]) if k in self._items else config[k] for k in self._dimensions}

    def decode(self, params: dict[str, Any]) -> Config:
        """Optuna's parameters as searched values."""
        return {
            k: self._items[k][params[k]] if k in self._items else d.clamp(params[k])  # type: ignore[union-attr]
            for k, d in self._dimensions.items()
        }

    def _distribution(self, name: str, dimension: Dimension) -> Any:
        kinds = load_optuna().distributions
        if isinstance(dimension, Choice):
            places = range(len(self._items[name]))
            return (
                kinds.IntDistribution(0, len(places) - 1)
                if dimension.numeric
                else kinds.CategoricalDistribution(places)
            )
        kind = kinds.FloatDistribution if isinstance(dimension, Float) else kinds.IntDistribution
        return kind(dimension.low, dimension.high, log=dimension.log)


def _ordered(choice: Choice) -> list[Any]:
    return sorted(choice.values, key=float) if choice.numeric else list(choice.values)


def _place(items: list[Any], value: Any) -> int:
    return next(i for i, v in enumerate(items) if v == value and isinstance(v, bool) == isinstance(value, bool))


def sampler_seed(seed: int, *key: int | str) -> int:
    """A seed of 32 bits for one suggestion."""
    return int(next(keyed_uniforms(seed, "optuna", *key)) * 2**32)


# --- TPE -----------------------------------------------------------------------------------------------------------------


class TpeSearch(Searcher):
    """Multivariate TPE with constant liar. Stopped trials are PRUNED, with their values by epoch: ranked by depth first.

    A suggestion leaves nothing behind: the study holds what the log tells, so a replay equals an unkilled run.
    """

    name = "tpe"

    def __init__(self, plan: Plan, initial: int | None = None) -> None:
        self._plan = plan
        self._optuna = load_optuna()
        self._axes = Axes(dict(plan.space.dimensions))
        self._design = Design(plan.space, plan.seed)
        self._initial = initial or initial_points(len(plan.space.dimensions))
        self._study: optuna.Study = self._optuna.create_study(direction="minimize")
        self._known = 0
        self._running: dict[str, tuple[int, Config, Curve]] = {}
        self._ended = 0
        self._found: dict[int, New] = {}
        for past in plan.history:
            curve = dict(past.curve)
            epoch = max(curve, default=0)
            self._finish(dict(past.config), curve, complete=epoch >= plan.epochs, failed=past.failed)

    def suggest(self, ordinal: int, now_s: float) -> New:
        """The design first, then the sampler's point for this number and the results known now."""
        if ordinal not in self._found:
            self._found = {ordinal: self._suggest(ordinal)}
        return self._found[ordinal]

    def applied(self, event: Event) -> None:
        """Keep the study in step with the log."""
        kind = event["e"]
        if kind == "trial" and event["i"] >= self._known:
            self._known = event["i"] + 1
            self._begin(event["id"], {k: event["config"][k] for k in self._plan.space.dimensions})
        elif kind == "result":
            self._on_result(event)
        elif kind == "error":
            self._end(event["id"], failed=True, silent=event.get("failure") in NOT_ITS_FAULT)

    def _suggest(self, ordinal: int) -> New:
        space = self._plan.space
        if ordinal < self._initial or self._ended < FEWEST_RESULTS:
            return New(space.complete(self._design[ordinal]), by="design")
        note = {"seen": self._ended, "pending": len(self._running)}
        for attempt in range(MOST_REFUSED):
            config = space.complete(self._sample(ordinal, attempt))
            if space.allows(config):
                return New(config, by=self.name, note=note)
        return New(space.draw(self._plan.seed, ordinal), by="random (tpe: conditions)", note=note)

    def _sample(self, ordinal: int, attempt: int) -> Config:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "multivariate" has been called experimental for years
            self._study.sampler = self._optuna.samplers.TPESampler(
                seed=sampler_seed(self._plan.seed, ordinal, attempt),
                n_startup_trials=1,
                multivariate=True,
                constant_liar=True,
                warn_independent_sampling=False,
            )
            trial = self._study.ask(self._axes.distributions)
        params = dict(trial.params)
        self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)  # samplers look past failed trials
        return self._axes.decode(params)

    def _begin(self, trial: str, config: Config) -> None:
        """A trial in progress, for the constant liar."""
        self._found = {}
        number = len(self._study.get_trials(deepcopy=False))
        self._add(config, self._optuna.trial.TrialState.RUNNING)
        self._running[trial] = (number, config, {})

    def _on_result(self, event: Event) -> None:
        running = self._running.get(event["id"])
        if running is None or event["epoch"] <= max(running[2], default=0):
            return
        value = event.get("value")
        if is_finite(value):
            running[2][event["epoch"]] = value
        if event["d"] == Action.STOP:
            self._end(event["id"], failed=not is_finite(value))

    def _end(self, trial: str, *, failed: bool, silent: bool = False) -> None:
        running = self._running.pop(trial, None)
        if running is None:
            return
        self._found = {}
        number, config, curve = running
        self._study.tell(number, state=self._optuna.trial.TrialState.FAIL)
        if not silent:
            self._finish(config, curve, complete=max(curve, default=0) >= self._plan.epochs, failed=failed)

    def _finish(self, config: Config, curve: Curve, *, complete: bool, failed: bool) -> None:
        """A trial that ended: COMPLETE at the last epoch; else PRUNED, and ranked last of all if it failed."""
        states = self._optuna.trial.TrialState
        self._ended += 1
        if failed:
            self._add(config, states.PRUNED)
        elif curve and complete:
            self._add(config, states.COMPLETE, curve)
        elif curve:
            self._add(config, states.PRUNED, curve)

    def _add(self, config: Config, state: Any, curve: Curve | None = None) -> None:
        complete = state == self._optuna.trial.TrialState.COMPLETE
        self._study.add_trial(
            self._optuna.trial.create_trial(
                state=state,
                value=curve[max(curve)] if complete and curve else None,
                params=self._axes.encode(config),
                distributions=self._axes.distributions,
                intermediate_values=curve,
            )
        )


# --- Gaussian process ----------------------------------------------------------------------------------------------------


def most_telling(values: Sequence[float], most: int = MOST_RESULTS) -> list[int]:
    """Places of at most so many results, in their order: the best half of that number, and others spread evenly over the rest."""
    if len(values) <= most:
        return list(range(len(values)))
    ranked = sorted(range(len(values)), key=lambda k: (values[k], k))
    best, rest = ranked[: most // 2], sorted(ranked[most // 2 :])
    others = most - len(best)
    return sorted([*best, *(rest[k * len(rest) // others] for k in range(others))])


class GaussianProcess:
    """Answers questions with Optuna's GPSampler: a fresh study for each, so an answer depends on its question alone."""

    def __init__(self, space: Space, seed: int) -> None:
        self._space, self._seed = space, seed
        self._optuna = load_optuna()
        self._axes = Axes(dict(space.dimensions))

    def __call__(self, question: Question) -> Reply:
        """The sampler's point; points against the conditions are reported as bad, and it is asked for another."""
        states = self._optuna.trial.TrialState
        values = bounded_losses([t.value for t in question.results])
        known = [self._trial(question.results[k].config, states.COMPLETE, values[k]) for k in most_telling(values)]
        known += [self._trial(c, states.RUNNING) for c in question.pending]
        for attempt in range(MOST_REFUSED):
            config = self._sample(question.number, attempt, known)
            if self._space.allows(self._space.complete(config)):
                return Reply(config)
            known.append(self._trial(config, states.COMPLETE, max(values)))
        return Reply(trouble="conditions")

    def _trial(self, config: Config, state: Any, value: float | None = None) -> Any:
        params, distributions = self._axes.encode(config), self._axes.distributions
        return self._optuna.trial.create_trial(state=state, value=value, params=params, distributions=distributions)

    def _sample(self, number: int, attempt: int, known: Iterable[Any]) -> Config:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sampler = self._optuna.samplers.GPSampler(
                seed=sampler_seed(self._seed, number, attempt), n_startup_trials=1, warn_independent_sampling=False
            )
            study = self._optuna.create_study(direction="minimize", sampler=sampler)
            study.add_trials(known)
            return self._axes.decode(dict(study.ask(self._axes.distributions).params))
