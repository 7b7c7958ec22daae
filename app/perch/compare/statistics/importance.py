"""Which hyperparameters matter: PED-ANOVA at one fixed epoch, on randomly sampled configurations, with intervals.

Watanabe, Bansal, Hutter, PED-ANOVA (2023), https://arxiv.org/abs/2304.10255, as Optuna implements it. A fixed epoch: values
after 1 and after 81 epochs do not mix. Random configurations: a searcher crowds its trials where it hopes for the best,
and an early stopper lets only good ones reach a later epoch.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from perch.dimension import Choice, Float, Int
from perch.space import Space, keyed_rng

FEWEST: Final = 30
"""Configurations below which nothing is said."""

RESAMPLES: Final = 60
QUANTILE: Final = 0.25
"""What makes a configuration good: belonging to the best quarter."""


@dataclass(frozen=True)
class Importance:
    """Share of what decides between the best quarter and the rest; low and high: 95 % interval over configurations."""

    key: str
    share: float
    low: float
    high: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def available() -> bool:
    """True when Optuna is installed (extra ``optuna``)."""
    return importlib.util.find_spec("optuna") is not None


def importances(
    space: Space, configs: Sequence[Mapping[str, Any]], values: Sequence[float], seed: int = 0
) -> list[Importance]:
    """Importance of every searched key, the largest first; empty with too few configurations. Lower values are better."""
    if len(configs) < FEWEST:
        return []
    rng = keyed_rng(seed, "importance")
    sample = list(range(len(configs)))
    draws = [sample, *(rng.integers(0, len(configs), len(configs)).tolist() for _ in range(RESAMPLES))]
    found = [_shares(space, [configs[i] for i in rows], [values[i] for i in rows]) for rows in draws]
    out = []
    for key in space.dimensions:
        resampled = [shares[key] for shares in found[1:]]
        low, high = np.quantile(resampled, [0.025, 0.975])
        out.append(Importance(key, found[0][key], float(low), float(high)))
    return sorted(out, key=lambda i: -i.share)


def _shares(space: Space, configs: Sequence[Mapping[str, Any]], values: Sequence[float]) -> dict[str, float]:
    import optuna
    from optuna.importance import PedAnovaImportanceEvaluator

    distributions = {key: _distribution(d) for key, d in space.dimensions.items()}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the evaluator is marked experimental
        study = optuna.create_study(direction="minimize")
        study.add_trials(
            [
                optuna.trial.create_trial(
                    params={k: config[k] for k in distributions}, distributions=distributions, value=float(value)
                )
                for config, value in zip(configs, values, strict=True)
            ]
        )
        evaluator = PedAnovaImportanceEvaluator(target_quantile=QUANTILE)
        raw = evaluator.evaluate(study, params=list(distributions))
    total = sum(raw.values()) or 1.0
    return {key: float(raw.get(key, 0.0)) / total for key in distributions}


def _distribution(dimension: Int | Float | Choice) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    match dimension:
        case Int(low=low, high=high, log=log):
            return IntDistribution(low, high, log=log)
        case Float(low=low, high=high, log=log):
            return FloatDistribution(low, high, log=log)
        case Choice(values=values):
            return CategoricalDistribution(values)
