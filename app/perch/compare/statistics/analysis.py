"""The whole statistics of a comparison: targets, ratios with intervals, order, tests and verdicts, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from perch.compare.statistics.hits import (
    ALL_BLOCKS,
    RESAMPLES,
    TARGET_SHARES,
    Blocks,
    hit_times,
    reference_targets,
    resampled_rows,
)
from perch.compare.statistics.interval import Ratio, average_runtime_s, log_ratios, ratio
from perch.compare.statistics.reach import out_of_reach, reachable
from perch.compare.statistics.signflip import holm, sign_flip_p
from perch.compare.statistics.verdict import SECOND_LOOK, Verdict, looks, verdict
from perch.space import keyed_rng

Array = NDArray[np.float64]

CURVE_SHARES: Final = tuple(float(s) for s in np.geomspace(1 / 16, 1.0, 17))
"""Targets of the speed-up curve: the reference's median incumbent at these shares of the budget."""


@dataclass(frozen=True)
class Target:
    """A value to reach. ``share``: the reference's median incumbent at that share of the budget; None: given."""

    value: float
    share: float | None

    @property
    def label(self) -> str:
        """For tables."""
        return f"{self.value:.4g}" + (f" (median at {self.share:g} B)" if self.share is not None else " (given)")


@dataclass(frozen=True)
class ReachedFirst:
    """P(the strategy reaches the target before the reference), ties and double misses counted half; Wilson interval."""

    probability: float
    low: float
    high: float


@dataclass(frozen=True)
class Contrast:
    """One strategy against the reference at one target."""

    strategy: str
    target: Target
    ratio: Ratio
    before: ReachedFirst
    p_value: float
    p_adjusted: float
    verdict: Verdict
    test_at_solution: float | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Times:
    """Times-to-solution of one strategy at one target, one per block: the raw material of the ECDF."""

    strategy: str
    target: Target
    hit_s: list[float | None]
    average_runtime_s: float | None


@dataclass(frozen=True)
class Analysis:
    """Everything that a comparison says."""

    reference: str
    budget_s: float
    n_blocks: int
    contrasts: list[Contrast]
    times: list[Times]
    curve: list[tuple[str, Target, Ratio]]
    unreachable: list[Target]


def analyse(
    blocks: Blocks,
    *,
    given: Sequence[float] = (),
    seed: int = 0,
    planned: int = SECOND_LOOK,
    resamples: int = RESAMPLES,
    curve: bool = True,
) -> Analysis:
    """Compare every strategy with the reference. Given targets replace the three by share of the budget."""
    shares: tuple[float, ...] = () if len(given) else TARGET_SHARES
    rows = resampled_rows(blocks.n, keyed_rng(seed, "compare-bootstrap", blocks.n), resamples)
    values = _targets(blocks, rows, shares, given)  # (1 + R, J)
    targets = [
        Target(float(values[ALL_BLOCKS, j]), shares[j] if shares else None) for j in range(values.shape[1])
    ]  # fmt: skip
    hits = {s: hit_times(runs, values, rows, blocks.budget_s) for s, runs in blocks.runs.items()}
    nobody = [
        not np.isfinite(t.value) or all(np.isinf(h[ALL_BLOCKS, :, j]).all() for h in hits.values())
        for j, t in enumerate(targets)
    ]
    tests = _tests(blocks, shares, given, seed, planned)
    contrasts = [
        _contrast(blocks, s, j, targets[j], hits, tests, planned)
        for s in blocks.others
        for j in range(len(targets))
        if not nobody[j]
    ]
    times = [
        Times(
            s,
            targets[j],
            _finite(h[ALL_BLOCKS, :, j]),
            _or_none(average_runtime_s(h[ALL_BLOCKS, :, j], blocks.budget_s)),
        )
        for s, h in hits.items()
        for j in range(len(targets))
        if not nobody[j]
    ]
    return Analysis(
        blocks.reference, blocks.budget_s, blocks.n, contrasts, times,
        speed_up_curve(blocks, rows) if curve else [],
        [t for j, t in enumerate(targets) if nobody[j]],
    )  # fmt: skip


def speed_up_curve(blocks: Blocks, rows: NDArray[np.int64]) -> list[tuple[str, Target, Ratio]]:
    """Speed-up of each strategy against the target, from easy to hard: one target alone can be made to say anything."""
    values = reference_targets(blocks, rows, CURVE_SHARES)
    hits = {s: hit_times(runs, values, rows, blocks.budget_s) for s, runs in blocks.runs.items()}
    out = []
    for strategy in blocks.others:
        for j, share in enumerate(CURVE_SHARES):
            if np.isfinite(values[ALL_BLOCKS, j]):
                found = ratio(hits[blocks.reference][:, :, j], hits[strategy][:, :, j], blocks.budget_s)
                out.append((strategy, Target(float(values[ALL_BLOCKS, j]), share), found))
    return out


def wilson(successes: float, n: int, z: float = 1.96) -> ReachedFirst:
    """Wilson's interval of a probability."""
    p, scale = successes / n, 1 + z * z / n
    centre, half = (p + z * z / (2 * n)) / scale, z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / scale
    return ReachedFirst(p, max(0.0, float(centre - half)), min(1.0, float(centre + half)))


def _targets(blocks: Blocks, rows: NDArray[np.int64], shares: Sequence[float], given: Sequence[float]) -> Array:
    if shares:
        return reference_targets(blocks, rows, shares)
    return np.broadcast_to(np.asarray(given, dtype=float), (len(rows), len(given)))


Tests = dict[int, tuple[dict[tuple[str, int], float], dict[tuple[str, int], float]]]
"""By look: raw and Holm-adjusted p-values of every (strategy, target)."""


def _tests(blocks: Blocks, shares: Sequence[float], given: Sequence[float], seed: int, planned: int) -> Tests:
    """The tests on all blocks, and at each look on the blocks that it may see."""
    out: Tests = {}
    for n in sorted({blocks.n, *looks(blocks.n, planned)}):
        seen = blocks.first(n)
        raw = {}
        for strategy in blocks.others:
            p = sign_flip_p(seen, strategy, keyed_rng(seed, "sign-flip", strategy, n), shares, given)
            raw.update({(strategy, j): float(value) for j, value in enumerate(p)})
        out[n] = raw, holm(raw)
    return out


def _contrast(
    blocks: Blocks, strategy: str, j: int, target: Target, hits: dict[str, Array], tests: Tests, planned: int
) -> Contrast:  # fmt: skip
    reference, ours = hits[blocks.reference][:, :, j], hits[strategy][:, :, j]
    logs = log_ratios(reference[ALL_BLOCKS], ours[ALL_BLOCKS], blocks.budget_s)
    wins = float((logs > 0).sum() + 0.5 * (logs == 0).sum())
    adjusted = {n: tests[n][1][strategy, j] for n in looks(blocks.n, planned)}
    direction = {n: float(logs[:n].mean()) for n in adjusted}
    raw, all_adjusted = tests[blocks.n]
    size = ratio(reference, ours, blocks.budget_s)
    judged = verdict(strategy, blocks.reference, blocks.n, adjusted, direction, logs, len(raw), planned)
    if judged.says == "cannot tell" and not reachable(blocks.n, len(raw), planned):
        judged = Verdict("no verdict", out_of_reach(blocks.n, len(raw)), judged.p_adjusted, judged.look)
    if judged.says in ("faster", "slower") and (size.low or 0.0) <= 1 <= (size.high or np.inf):
        # The test is about who comes first, the interval about how much sooner; the first can be clear alone.
        judged = replace(judged, sentence=f"{judged.sentence}; by how much is open: the interval includes 1")
    solved = [run.test_at(t) for run, t in zip(blocks.runs[strategy], ours[ALL_BLOCKS], strict=True) if np.isfinite(t)]
    tested = np.asarray(solved, dtype=float)
    return Contrast(
        strategy, target, size, wilson(wins, blocks.n), raw[strategy, j], all_adjusted[strategy, j], judged,
        float(np.nanmean(tested)) if np.isfinite(tested).any() else None,
    )  # fmt: skip


def _finite(values: Array) -> list[float | None]:
    return [_or_none(float(v)) for v in values]


def _or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None
