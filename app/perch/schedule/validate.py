"""Is the schedule's gain real? It is trained with fresh seeds, as is what the same cost buys otherwise.

PBT picks its schedule greedily and from noise, so its own curve flatters it. The judge trains, with seeds that nobody has
used, PBT's own schedule, the fitted one, and a constant and a cosine rate that were *tuned* by random search with as many
epochs as the whole population trained. All errors are those of the test set at the epoch that is best by validation. A
training program has its own metric instead, at its best epoch, and no cosine: it is restarted wherever a rate changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

import numpy as np
from scipy import stats

from perch.errors import StudyError
from perch.schedule.fit import Fit
from perch.schedule.inherited import Inherited
from perch.space import Space

LEVEL: Final = 0.05

FEWEST_SEEDS: Final = 3
"""Below this an interval over seeds is wider than any gain."""


@dataclass(frozen=True)
class Task:
    """One training: a configuration (a schedule may be in it), and what keys its randomness."""

    config: Mapping[str, Any]
    key: str


@dataclass(frozen=True)
class Result:
    """Best validation error of a training and the test error at that epoch; infinite for one that diverged."""

    validation: float
    test: float


class Trainer(Protocol):
    """Trains every task for ``epochs`` epochs, in any order, and returns results in the order of the tasks."""

    def __call__(self, tasks: Sequence[Task], epochs: int) -> list[Result]:
        """Train."""
        ...


@dataclass(frozen=True)
class Measure:
    """What is compared: its name, its unit, and -1 where more of it is better (values are then negated)."""

    name: str = "test"
    unit: str = " eV"
    sign: float = 1.0


@dataclass(frozen=True)
class Gain:
    """Error of a schedule minus that of the best tuned alternative, paired by seed; below zero it is a gain."""

    name: str
    against: str
    difference: float
    low: float
    high: float
    unit: str = " eV"

    @property
    def real(self) -> bool:
        """True when the whole interval lies below zero."""
        return self.high < 0

    @property
    def sentence(self) -> str:
        """For people."""
        says = "a real gain" if self.real else "worse" if self.low > 0 else "no gain that these seeds can show"
        return f"{self.name} against {self.against}: {self.difference:+.4f} [{self.low:+.4f}, {self.high:+.4f}]{self.unit}: {says}"


@dataclass(frozen=True)
class Judgement:
    """Errors by contender and seed, and what follows from them."""

    tests: dict[str, list[float]]
    tuned: dict[str, dict[str, Any]]
    gains: list[Gain]
    tuning_epochs: int
    measure: Measure = Measure()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "gains": [{**asdict(g), "real": g.real, "sentence": g.sentence} for g in self.gains]}

    def lines(self) -> list[str]:
        """For people."""
        kinds = " and ".join(name.removeprefix("tuned ") for name in self.tuned)
        out = [f"tuning {kinds}: {self.tuning_epochs} epochs each, as many as the population trained"]
        of = self.measure
        for name, errors in self.tests.items():
            mean, deviation = of.sign * np.mean(errors), np.std(errors, ddof=1)
            out.append(f"{name:>17}: {of.name} {mean:.4f} +- {deviation:.4f}{of.unit} over {len(errors)} seeds")
        return out + [gain.sentence for gain in self.gains]


def judge(
    lineage: Inherited, fit: Fit, space: Space, seeds: int, train: Trainer, seed: int = 0, *,
    rivals: Sequence[str] = ("constant", "cosine"), measure: Measure = Measure(),
) -> Judgement:  # fmt: skip
    """Tune the alternatives, train every contender ``seeds`` times, and compare. ``space``: what PBT searched.

    ``rivals``: named schedules that are tuned.
    """
    if seeds < FEWEST_SEEDS:
        raise StudyError(
            f"--validate {seeds}",
            why="an interval over so few seeds says nothing",
            fix=f"give {FEWEST_SEEDS} or more; 5 is usual",
        )
    own = {key: list(values) for key, values in lineage.values.items()}
    base = dict(lineage.fixed)
    contenders: dict[str, dict[str, Any]] = {
        "PBT's own": {**base, **_first(own), "lr_schedule": own},
        f"fitted {fit.kind}": {**base, **_first(own), "lr_schedule": {**own, lineage.rate: fit.values}},
    }
    tuned: dict[str, dict[str, Any]] = {}
    validation: dict[str, float] = {}
    trials = max(1, lineage.total_epochs // lineage.epochs)
    for kind in rivals:
        candidates = [_draw(space, lineage, kind, seed, k) for k in range(trials)]
        results = train([Task(c, f"tune-{kind}-{k}") for k, c in enumerate(candidates)], lineage.epochs)
        best = min(range(trials), key=lambda k: results[k].validation)
        name = f"tuned {kind}"
        tuned[name], validation[name], contenders[name] = candidates[best], results[best].validation, candidates[best]
    tasks = [Task(config, f"judge-{k}") for config in contenders.values() for k in range(seeds)]
    results = train(tasks, lineage.epochs)
    tests = {
        name: [r.test for r in results[i * seeds : (i + 1) * seeds]] for i, name in enumerate(contenders)
    }  # fmt: skip
    rival = min(validation, key=lambda name: validation[name])
    gains = [gain(name, rival, tests, unit=measure.unit) for name in contenders if name not in tuned]
    return Judgement(tests, tuned, gains, trials * lineage.epochs, measure)


def gain(name: str, against: str, tests: Mapping[str, Sequence[float]], contenders: int = 2, unit: str = " eV") -> Gain:
    """Paired t-interval at a level divided by the number of schedules that are judged (Bonferroni)."""
    differences = np.asarray(tests[name]) - np.asarray(tests[against])
    if not np.isfinite(differences).all():
        return Gain(name, against, float("nan"), -float("inf"), float("inf"), unit)
    n = len(differences)
    error = float(differences.std(ddof=1) / np.sqrt(n))
    half = float(stats.t.ppf(1 - LEVEL / contenders / 2, n - 1)) * error
    mean = float(differences.mean())
    return Gain(name, against, mean, mean - half, mean + half, unit)


def _first(own: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Values of the first epoch: what a complete configuration names apart from its schedule."""
    return {key: values[0] for key, values in own.items()}


def _draw(space: Space, lineage: Inherited, kind: str, seed: int, ordinal: int) -> dict[str, Any]:
    """A random configuration: the lineage's where PBT fixed it, the space's draw where PBT could change it."""
    drawn = space.draw(seed, ordinal, f"tune-{kind}")
    searched = {k: drawn[k] for k in lineage.values if k in drawn}
    others = {k: v for k, v in lineage.fixed.items() if k not in searched}
    return {**others, **searched, "lr_schedule": kind}
