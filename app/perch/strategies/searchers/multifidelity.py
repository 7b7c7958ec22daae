"""A Gaussian process over configuration and epoch: what a trial that has trained a while will reach at its end.

Klein et al., Model-based Asynchronous Hyperparameter and Neural Architecture Search (MOBSTER), 2020,
https://arxiv.org/abs/2003.10865; Swersky et al., Freeze-Thaw Bayesian Optimization, 2014, https://arxiv.org/abs/1406.3896
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from perch.dimension import Choice
from perch.numeric import is_finite
from perch.space import Space, keyed_rng
from perch.strategies.plan import Plan
from perch.strategies.searchers.observations import NOT_ITS_FAULT, Ledger, Observation, bounded_losses
from perch.strategies.searchers.prefetch import Question, Reply
from perch.strategies.strategy import Action, Config, Event

Array = NDArray[np.float64]

MOST_RESULTS: Final = 100
"""Results that the process is fitted to: its time grows with their cube. Those of the highest rungs come first, then the best."""
MOST_WAITING: Final = 64
"""Paused trials whose end is foretold: those that paused last."""
CANDIDATES: Final = 300
NEAR: Final = 10
"""Random configurations, and ones near each of the best five, among which the expected improvement is highest."""
NEARNESS: Final = 0.08
ITERATIONS: Final = 15
"""Steps of the fit of the kernel's parameters."""
EPOCH: Final = "epoch"
"""The key of an observation's note that says at which rung it was made."""
PROMISE: Final = "promise"
"""The key of a trial's note: pairs of a paused trial and what it is foretold to reach, lower is better."""


class CurveLedger(Ledger):
    """What was compared at every rung, and at the last epoch; and which trials wait."""

    def __init__(self, plan: Plan, rungs: Iterable[int]) -> None:
        self._rungs = [*rungs, plan.epochs]
        self._passed: dict[str, int] = {}
        self._waiting: dict[str, Config] = {}
        super().__init__(plan, "rung", self._rungs[0])
        self.observations = [o for past in plan.history for o in self._of_past(past.config, past.curve)]

    def waiting(self) -> tuple[tuple[str, Config], ...]:
        """Paused trials with their configurations, the last ``MOST_WAITING``."""
        return tuple(self._waiting.items())[-MOST_WAITING:]

    def applied(self, event: Event) -> None:
        """Take note of what happened; events that come twice or too late change nothing."""
        kind, trial = event["e"], event.get("id", "")
        if kind == "trial" and event["i"] >= self._known:
            self._known = event["i"] + 1
            self._running[trial] = self._begun(event)
            self._passed[trial] = 0
        elif kind == "promote":
            self._waiting.pop(trial, None)
        elif kind == "error" and trial in self._running:
            running, passed = self._running.pop(trial), self._passed.pop(trial)
            self._waiting.pop(trial, None)
            if event.get("failure") not in NOT_ITS_FAULT and event.get("failure") != "ended":
                later = [r for r in self._rungs if r > passed]
                self.observations.append(Observation(running.config, None, {EPOCH: (later or self._rungs)[0]}))
        elif kind == "result" and trial in self._running:
            self._on_curve(trial, event)

    def _on_curve(self, trial: str, event: Event) -> None:
        running, epoch = self._running[trial], event["epoch"]
        if epoch <= running.epoch:
            return
        running.epoch = epoch
        value = event.get("judged", event.get("value"))
        reached = [r for r in self._rungs if self._passed[trial] < r <= epoch]
        if reached and is_finite(value):
            self._passed[trial] = reached[-1]
            running.known = True
            self.observations.append(Observation(running.config, value, {EPOCH: reached[-1]}))
        if event["d"] == Action.PAUSE:
            self._waiting[trial] = running.config
        elif event["d"] == Action.STOP:
            del self._running[trial], self._passed[trial]

    def _of_past(self, config: Mapping[str, Any], curve: Sequence[tuple[int, float]]) -> Iterable[Observation]:
        values = {e: v for e, v in curve if is_finite(v)}
        return [Observation(self.searched(config), values[r], {EPOCH: r}) for r in self._rungs if r in values]


class MultiFidelity:
    """Answers questions: the next configuration, and what paused trials promise. An answer depends on its question alone."""

    def __init__(self, space: Space, seed: int, epochs: int) -> None:
        self._space, self._seed, self._epochs = space, seed, epochs

    def __call__(self, question: Question) -> Reply:
        """The configuration with the highest expected improvement at the last epoch over the best that is foretold of any trial."""
        kept = most_telling(question.results)
        points = np.array([self._point(t.config, t.note[EPOCH]) for t in kept])
        values, unit = residuals(kept)
        model = fitted(points, values, keyed_rng(self._seed, "mf", question.number))
        seen = {tuple(t.config.items()): t.config for t in kept}
        ends = self._foretold(model, list(seen.values()))
        waiting = [config for _, config in question.waiting]
        promise = [
            [name, round(float(mean) * unit, 6)]
            for (name, _), mean in zip(question.waiting, self._foretold(model, waiting), strict=True)
        ]
        if question.pending:
            model = self._believed(model, points, values, question.pending)
        best = [list(seen.values())[k] for k in np.argsort(ends, kind="stable")[:5]]
        candidates = self._candidates(question.number, best)
        mean, deviation = model.predict(self._at_the_end(candidates), return_std=True)
        gain = expected_improvement(mean, deviation, float(ends.min()))
        known = {*seen, *(tuple(c.items()) for c in question.pending)}
        order = np.argsort(-gain, kind="stable")
        chosen = next((candidates[k] for k in order if tuple(candidates[k].items()) not in known), candidates[order[0]])
        return Reply(chosen, {PROMISE: promise})

    def _foretold(self, model: Any, configs: Sequence[Config]) -> Array:
        return np.asarray(model.predict(self._at_the_end(configs))) if configs else np.zeros(0)

    def _at_the_end(self, configs: Sequence[Config]) -> Array:
        return np.array([self._point(c, self._epochs) for c in configs])

    def _believed(self, model: Any, points: Array, values: Array, pending: Sequence[Config]) -> Any:
        """The process as if trials in progress had reached what is foretold of them."""
        extra = self._at_the_end(pending)
        believed = type(model)(model.kernel_, alpha=model.alpha, optimizer=None)
        return believed.fit(np.concatenate([points, extra]), np.concatenate([values, model.predict(extra)]))

    def _candidates(self, number: int, best: Sequence[Config]) -> list[Config]:
        space, rng = self._space, keyed_rng(self._seed, "mf candidates", number)
        drawn = [space.draw(self._seed, k, f"mf/{number}") for k in range(CANDIDATES)]
        for config in best:
            unit = space.to_unit(config)
            for _ in range(NEAR):
                near = {k: float(np.clip(u + NEARNESS * rng.normal(), 0.0, 1 - 1e-9)) for k, u in unit.items()}
                moved = space.from_unit(near)
                drawn += [moved] if space.allows(moved) else []
        return [{k: c[k] for k in space.dimensions} for c in drawn]

    def _point(self, config: Mapping[str, Any], epoch: int) -> list[float]:
        """The unit cube, a coordinate for each word of a choice, and the logarithm of the epoch from 0 to 1."""
        out: list[float] = []
        for key, dimension in self._space.dimensions.items():
            if isinstance(dimension, Choice) and not dimension.numeric:
                out += [0.5**0.5 * (config[key] == value) for value in dimension.values]
            else:
                out.append(float(dimension.to_unit(config[key])))
        return [*out, math.log(epoch) / max(math.log(self._epochs), 1e-9)]


def most_telling(results: Sequence[Observation], most: int = MOST_RESULTS) -> list[Observation]:
    """At most so many results in their order: those of the highest rungs, but at least half from the first, the best of each first."""
    if len(results) <= most:
        return list(results)
    bounded = bounded_losses([t.value for t in results])
    first = min(t.note[EPOCH] for t in results)
    above = sorted(
        (k for k, t in enumerate(results) if t.note[EPOCH] > first), key=lambda k: (-results[k].note[EPOCH], bounded[k])
    )
    below = sorted((k for k, t in enumerate(results) if t.note[EPOCH] == first), key=lambda k: bounded[k])
    above = above[: most // 2]
    room = most - len(above)
    spread = [below[i * len(below) // room] for i in range(room)] if len(below) > room else below
    return [results[k] for k in sorted({*above, *spread})]


def residuals(results: Sequence[Observation]) -> tuple[Array, float]:
    """Values without what all trials gain from rung to rung, in units of their spread, and that unit.

    The gain between two rungs is the median over trials that were at both, so that survivors are not measured by survivors alone.
    """
    bounded = np.array(bounded_losses([t.value for t in results]))
    at: dict[int, dict[tuple[Any, ...], float]] = {}
    for result, value in zip(results, bounded, strict=True):
        if result.value is not None:
            at.setdefault(result.note[EPOCH], {})[tuple(result.config.items())] = value
    rungs = sorted(at)
    offset = {rungs[0]: float(np.median(list(at[rungs[0]].values())))} if rungs else {}
    for low, high in pairwise(rungs):
        shared = [at[high][c] - at[low][c] for c in at[high] if c in at[low]]
        offset[high] = offset[low] + (float(np.median(shared)) if shared else 0.0)
    nearest = [offset.get(t.note[EPOCH], min(offset.values(), default=0.0)) for t in results]
    centred = bounded - np.array(nearest)
    unit = float(np.std(centred)) or 1.0
    return centred / unit, unit


def fitted(points: Array, values: Array, rng: np.random.Generator) -> Any:
    """scikit-learn's Gaussian process with a Matérn 5/2 kernel, a length for each coordinate, and noise."""
    from scipy.optimize import fmin_l_bfgs_b
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    def optimizer(objective: Any, start: Array, bounds: Array) -> tuple[Array, float]:
        found, value, _ = fmin_l_bfgs_b(objective, start, bounds=bounds, maxiter=ITERATIONS)
        return found, value

    kernel = ConstantKernel(1.0, (0.05, 20.0)) * Matern(np.full(points.shape[1], 0.5), (0.05, 20.0), nu=2.5)
    model = GaussianProcessRegressor(
        kernel + WhiteKernel(0.05, (1e-4, 1.0)), alpha=1e-8, optimizer=optimizer, random_state=int(rng.integers(2**31))
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a parameter at its bound is no fault
        return model.fit(points, values)


def expected_improvement(mean: Array, deviation: Array, best: float) -> Array:
    """Of a normal distribution below ``best``. Jones et al., J. Glob. Optim. 13 (1998) 455."""
    from scipy.stats import norm

    spread = np.maximum(deviation, 1e-9)
    z = (best - mean) / spread
    return np.asarray(spread * (z * norm.cdf(z) + norm.pdf(z)))
