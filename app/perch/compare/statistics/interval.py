"""How many times faster: the ratio of times-to-solution of two strategies over paired blocks, with an interval.

Every run ends at the budget B, so a run that misses the target is censored there. The estimator follows from the
larger share of censored runs of the two sides, and is always named:

* none: the **geometric-mean ratio**, exp(mean of log(t_reference / t_strategy)) over blocks;
* up to half: the ratio of **average runtimes**, where an average runtime is all time spent over the number of successes
  (Hansen et al., "COCO: performance assessment", arXiv:1605.03560: there called aRT);
* above half: only a **bound**. If the strategy is r times faster, its times multiplied by r are exchangeable with the
  reference's; both are known below min(B, r B), whatever was censored, so capped there and compared by a paired t-test
  they must not differ. The bound is the r at which they begin to.

Both intervals are t-intervals on the logarithm. From ten blocks on their standard error comes from a bootstrap of whole
blocks in which the targets are computed anew, widened by sqrt(n / (n - 1)); a percentile interval of the same bootstrap
covers 89 % at ten blocks (``benchmarks/coverage.py``), this one 94 % and more.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]

GEOMETRIC: Final = "geometric mean of paired ratios"
AVERAGE_RUNTIME: Final = "ratio of average runtimes"
BOUND: Final = "bound from paired t-tests of scaled, capped times"
UNREACHED: Final = "not reached often enough to say anything"

BOOTSTRAP_FROM: Final = 10
"""Blocks from which on the standard error is bootstrapped."""

CENSORED_MAX: Final = 0.5
"""Above this share of censored runs there is a bound and no estimate."""

LOG_RATIOS: Final = np.log(10.0) * np.linspace(-2, 2, 801)
"""Ratios tried for a bound: from 0.01 to 100."""


@dataclass(frozen=True)
class Ratio:
    """Time of the reference over time of the strategy: above 1 the strategy is faster. None: open on that side."""

    estimator: str
    value: float | None
    low: float | None
    high: float | None
    censored_reference: float
    censored: float
    level: float = 0.95

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def __str__(self) -> str:
        if self.value is not None:
            span = (
                f" [{bounded(self.low)}, {bounded(self.high)}]"
                if self.low is not None and self.high is not None
                else ""
            )
            return f"{bounded(self.value)}x{span}"
        if self.low is not None:
            return f"at least {bounded(self.low)}x"
        return f"at most {bounded(self.high)}x" if self.high is not None else "cannot tell"


def bounded(ratio: float) -> str:
    """A ratio for people: what lies beyond those that are ever tried (``LOG_RATIOS``) is said to."""
    most = float(np.exp(LOG_RATIOS[-1]))
    if ratio > most:
        return f">{most:.0f}"
    return f"<{1 / most:.2f}" if ratio < 1 / most else f"{ratio:.2f}"


def ratio(reference: Array, strategy: Array, budget_s: float, level: float = 0.95) -> Ratio:
    """Estimate from hit times of the sample (row 0) and of its resamples. Both (1 + R, n); infinite when missed."""
    n = reference.shape[1]
    censored_reference, censored = (float(np.isinf(t[0]).mean()) for t in (reference, strategy))
    most = max(censored_reference, censored)
    quantile = float(stats.t.ppf(0.5 + level / 2, n - 1)) if n > 1 else np.inf
    if most > CENSORED_MAX and n < 2:
        return Ratio(UNREACHED, None, None, None, censored_reference, censored, level)
    if most > CENSORED_MAX:
        low, high = _bound(reference[0], strategy[0], budget_s, quantile, censored_reference >= censored)
        estimator = UNREACHED if low is None and high is None else BOUND
        return Ratio(estimator, None, low, high, censored_reference, censored, level)
    estimator, logs, spread = GEOMETRIC, _log_geometric, _paired_error
    if most > 0:
        estimator, logs, spread = AVERAGE_RUNTIME, _log_average_runtime, _runtime_error
    estimates = logs(reference, strategy, budget_s)
    if n < 2:
        return Ratio(estimator, float(np.exp(estimates[0])), None, None, censored_reference, censored, level)
    if n >= BOOTSTRAP_FROM and len(estimates) > 1:
        error = float(np.std(estimates[1:], ddof=1) * np.sqrt(n / (n - 1)))
    else:
        error = spread(reference[0], strategy[0], budget_s)
    low, high = (float(np.exp(estimates[0] + side * quantile * error)) for side in (-1, 1))
    return Ratio(estimator, float(np.exp(estimates[0])), low, high, censored_reference, censored, level)


def log_ratios(reference: Array, strategy: Array, budget_s: float) -> Array:
    """Paired log(t_reference / t_strategy) with missed targets counted as the budget; 0 where both missed."""
    return np.asarray(np.log(_capped(reference, budget_s)) - np.log(_capped(strategy, budget_s)))


def average_runtime_s(times: Array, budget_s: float) -> float:
    """All time spent over the number of successes; infinite without one. times (n,)."""
    successes = int(np.isfinite(times).sum())
    return float(np.minimum(times, budget_s).sum() / successes) if successes else float("inf")


def _capped(times: Array, budget_s: float) -> Array:
    """Missed targets count as the budget; a first report at second 0 as a millisecond."""
    return np.asarray(np.clip(times, 1e-3, budget_s))


def _log_geometric(reference: Array, strategy: Array, budget_s: float) -> Array:
    return np.asarray(log_ratios(reference, strategy, budget_s).mean(axis=1))


def _log_average_runtime(reference: Array, strategy: Array, budget_s: float) -> Array:
    def one(times: Array) -> Array:
        successes = np.maximum(np.isfinite(times).sum(axis=1), 0.5)  # a resample without any: half a success
        return np.asarray(np.log(_capped(times, budget_s).sum(axis=1) / successes))

    return one(reference) - one(strategy)


def _paired_error(reference: Array, strategy: Array, budget_s: float) -> float:
    logs = log_ratios(reference, strategy, budget_s)
    return float(logs.std(ddof=1) / np.sqrt(len(logs)))


def _runtime_error(reference: Array, strategy: Array, budget_s: float) -> float:
    """Standard error of the log ratio of average runtimes by linearisation, blocks kept whole."""

    def influence(times: Array) -> Array:
        capped, hit = _capped(times, budget_s), np.isfinite(times)
        return np.asarray(capped / capped.mean() - hit / hit.mean())

    pull = influence(reference) - influence(strategy)
    return float(pull.std(ddof=1) / np.sqrt(len(pull)))


def _bound(
    reference: Array, strategy: Array, budget_s: float, quantile: float, from_below: bool
) -> tuple[float | None, float | None]:
    """A lower bound when the reference misses at least as often, else an upper one; None when there is none."""
    log_b = np.log(budget_s)
    cap = np.minimum(log_b, log_b + LOG_RATIOS)[:, None]
    ours = np.log(_capped(strategy, budget_s)) + LOG_RATIOS[:, None]
    gap = np.minimum(np.log(_capped(reference, budget_s)), cap) - np.minimum(ours, cap)
    mean, error = gap.mean(axis=1), gap.std(axis=1, ddof=1) / np.sqrt(gap.shape[1])
    if from_below:
        rejected = mean > quantile * error
        return (float(np.exp(LOG_RATIOS[np.argmin(rejected)])), None) if rejected[0] else (None, None)
    rejected = mean < -quantile * error
    return (None, float(np.exp(LOG_RATIOS[::-1][np.argmin(rejected[::-1])]))) if rejected[-1] else (None, None)
