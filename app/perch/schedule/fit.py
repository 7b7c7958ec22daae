"""Simple schedules that describe what PBT did: constant, multistep and cosine, fitted to the learning rate's logarithm.

PBT's schedule is piecewise constant by construction, with as many steps as there were exploits, so a multistep schedule
with enough steps always fits. The Bayesian information criterion chooses; differences below ``NOISE``, which is what one
random perturbation makes, count as noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MAX_STEPS: Final = 4
NOISE: Final = 0.2
"""Standard deviation of ln(lr) that perturbations of 0.8 and 1.2 leave in any case."""

KINDS: Final = ("constant", "multistep", "cosine")


@dataclass(frozen=True)
class Fit:
    """One fitted schedule. ``values[e - 1]`` is the learning rate of epoch e; ``deviation`` is in ln(lr), root mean square."""

    kind: str
    values: list[float]
    parameters: dict[str, Any] = field(default_factory=dict)
    deviation: float = 0.0
    criterion: float = 0.0
    """Bayesian information criterion: lower is better."""


def fit_all(rates: Sequence[float]) -> dict[str, Fit]:
    """Every kind of schedule, fitted to one learning rate per epoch."""
    logs = np.log(np.asarray(rates, dtype=float))
    return {"constant": _constant(logs), "multistep": _multistep(logs), "cosine": _cosine(logs)}


def chosen(fits: dict[str, Fit]) -> Fit:
    """The fit with the lowest criterion; of equals the simpler."""
    return min((fits[kind] for kind in KINDS), key=lambda fit: fit.criterion)


def _constant(logs: Array) -> Fit:
    level = float(logs.mean())
    return _made("constant", np.full(len(logs), level), logs, 1, {"lr": _rate(level)})


def _multistep(logs: Array) -> Fit:
    """Up to four steps; their number by the criterion, their places by dynamic programming."""
    fits = []
    for steps in range(1, min(MAX_STEPS, len(logs) - 1) + 1):
        starts = _best_starts(logs, steps)
        ends = [*starts[1:], len(logs)]
        levels = [float(logs[a:b].mean()) for a, b in zip(starts, ends, strict=True)]
        values = np.concatenate([np.full(b - a, level) for a, b, level in zip(starts, ends, levels, strict=True)])
        parameters = {"milestones": [s + 1 for s in starts[1:]], "lr": [_rate(level) for level in levels]}
        fits.append(_made("multistep", values, logs, 2 * steps + 1, parameters))
    if not fits:
        return _made(
            "multistep", np.full(len(logs), logs.mean()), logs, 3, {"milestones": [], "lr": [_rate(float(logs.mean()))]}
        )
    return min(fits, key=lambda fit: fit.criterion)


def _best_starts(logs: Array, steps: int) -> list[int]:
    """Starts of ``steps + 1`` stretches with the least squared deviation from their means (exact)."""
    n = len(logs)
    sums, squares = np.concatenate([[0.0], np.cumsum(logs)]), np.concatenate([[0.0], np.cumsum(logs**2)])

    def cost(begin: NDArray[np.int64], end: int) -> Array:
        total = sums[end] - sums[begin]
        return np.asarray(squares[end] - squares[begin] - total**2 / (end - begin))

    least = np.array([np.inf, *(float(cost(np.array([0]), e)[0]) for e in range(1, n + 1))])
    back = np.zeros((steps + 1, n + 1), dtype=int)
    for step in range(1, steps + 1):
        following = np.full(n + 1, np.inf)
        for end in range(step + 1, n + 1):
            begins = np.arange(step, end)
            costs = least[begins] + cost(begins, end)
            at = int(np.argmin(costs))
            following[end], back[step, end] = costs[at], begins[at]
        least = following
    starts: list[int] = []
    end = n
    for step in range(steps, 0, -1):
        end = int(back[step, end])
        starts.insert(0, end)
    return [0, *starts]


def _cosine(logs: Array) -> Fit:
    """From ``lr`` to ``end`` along half a cosine over all epochs, as PyTorch's CosineAnnealingLR goes."""
    from scipy.optimize import least_squares

    wave = 0.5 * (1 + np.cos(np.pi * np.arange(len(logs)) / max(1, len(logs))))

    def rates(parameters: Array) -> Array:
        start, end = np.exp(parameters)
        return np.asarray(end + (start - end) * wave)

    found = least_squares(lambda p: np.log(rates(p)) - logs, [logs[0], logs[-1]], bounds=(-30.0, 5.0))
    start, end = (float(v) for v in np.exp(found.x))
    return _made("cosine", np.log(rates(found.x)), logs, 2, {"lr": start, "end": end})


def _made(kind: str, fitted: Array, logs: Array, parameters: int, described: dict[str, Any]) -> Fit:
    n, mean_square = len(logs), float(np.mean((fitted - logs) ** 2))
    # Known noise: chi-square over its variance, and the usual penalty per parameter.
    criterion = n * mean_square / NOISE**2 + parameters * float(np.log(n))
    return Fit(kind, [_rate(v) for v in fitted], described, float(np.sqrt(mean_square)), criterion)


def _rate(log: float) -> float:
    return float(f"{np.exp(log):.6g}")
