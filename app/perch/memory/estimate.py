"""Peak memory as a function of a configuration, fitted to a few probes, with the error that it makes on probes left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from perch.memory.parts import (
    AROUND_BYTES,
    RESERVE_SHARE,
    data_bytes,
    evaluation_features,
    expanded_bytes,
    lasting_bytes,
    training_features,
    weight_features,
)
from perch.memory.probe import Probe
from perch.memory.sizes import Sizes
from perch.training.inference import EVALUATION_BYTES
from perch.training.keys import complete

BUILDING: Final = 1.25
"""Expanded distances are made out of place: so much of them on top of the data while they are built."""
FEWEST: Final = 4
"""With fewer probes nothing is left out to learn the error from."""


@dataclass(frozen=True)
class Terms:
    """Coefficients of ``perch.memory.parts``'s features: what was fitted. ``error``: the largest relative error of the whole
    on a probe that was left out; ``mean_error``: the mean one. ``device``: the GPU's name, empty where tensors were counted.
    """

    training: tuple[float, ...]
    evaluation: tuple[float, ...]
    weights: tuple[float, ...]
    probes: int
    error: float
    mean_error: float
    device: str = ""

    def plain(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self)

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> Terms:
        """From a file."""
        found: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in plain.items()}
        return cls(**found)


@dataclass(frozen=True)
class Estimate:
    """What a configuration takes of a GPU. ``data_sets``: how many different data sets a worker of the study meets."""

    terms: Terms
    sizes: Sizes
    atom_features: int
    data_sets: int = 1

    def tensors_bytes(self, config: Mapping[str, Any]) -> float:
        """What torch's allocator holds at the peak; of counted tensors without reserve."""
        full = complete(config)
        return _tensors(self.terms, self.sizes, full, self.atom_features, self.data_sets)

    def bytes(self, config: Mapping[str, Any]) -> float:
        """Peak memory of a process that trains it: tensors, reserve and context."""
        reserve = 0.0 if self.terms.device else RESERVE_SHARE
        return self.tensors_bytes(config) * (1 + reserve) + AROUND_BYTES

    def least_bytes(self, config: Mapping[str, Any]) -> float:
        """The lower end: the tensors less the largest error, no reserve, and the context."""
        return self.tensors_bytes(config) * (1 - min(self.terms.error, 0.5)) + AROUND_BYTES


def fit(probes: Sequence[Probe], sizes: Sizes, atom_features: int, device: str = "") -> Terms:
    """Non-negative least squares of relative errors (Lawson & Hanson, Solving Least Squares Problems, 1974, chapter 23)."""
    coefficients = _coefficients(probes, sizes, atom_features)
    errors = []
    for left_out in range(len(probes)) if len(probes) >= FEWEST else ():
        others = [probe for n, probe in enumerate(probes) if n != left_out]
        terms = Terms(*_coefficients(others, sizes, atom_features), len(others), 0.0, 0.0)
        probe = probes[left_out]
        found = _tensors(terms, sizes, probe.config, atom_features, 1)
        errors.append(abs(found / true_bytes(probe, sizes) - 1))
    worst, mean = (float(max(errors)), float(np.mean(errors))) if errors else (0.5, 0.5)
    return Terms(*coefficients, len(probes), worst, mean, device)


def true_bytes(probe: Probe, sizes: Sizes) -> float:
    """What a probe took in all."""
    step = max(probe.training_bytes, probe.evaluation_bytes)
    return max(lasting_bytes(sizes, probe.config, probe.parameters, 1) + step, _building(sizes, probe.config))


def _coefficients(
    probes: Sequence[Probe], sizes: Sizes, atom_features: int
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    trained = [training_features(p.config, sizes.training(p.config), p.parameters) for p in probes]
    evaluated = [evaluation_features(p.config, sizes.evaluation(p.config, EVALUATION_BYTES)) for p in probes]
    weights = [weight_features(p.config, atom_features, sizes.gaussians(p.config)) for p in probes]
    return (
        _nonnegative(trained, [p.training_bytes for p in probes]),
        _nonnegative(evaluated, [p.evaluation_bytes for p in probes]),
        _nonnegative(weights, [p.parameters for p in probes]),
    )


def _nonnegative(features: Sequence[np.ndarray], values: Sequence[float]) -> tuple[float, ...]:
    from scipy.optimize import nnls

    b = np.maximum(np.array(values, dtype=float), 1.0)
    a = np.array(features) / b[:, None]
    scale = np.maximum(np.linalg.norm(a, axis=0), 1e-30)
    found, _ = nnls(a / scale, np.ones(len(b)))
    return tuple((found / scale).tolist())


def _tensors(terms: Terms, sizes: Sizes, config: Mapping[str, Any], atom_features: int, data_sets: int) -> float:
    weights = float(weight_features(config, atom_features, sizes.gaussians(config)) @ np.array(terms.weights))
    training = training_features(config, sizes.training(config), weights) @ np.array(terms.training)
    evaluated = evaluation_features(config, sizes.evaluation(config, EVALUATION_BYTES))
    step = max(float(training), float(evaluated @ np.array(terms.evaluation)))
    return max(lasting_bytes(sizes, config, weights, data_sets) + step, _building(sizes, config))


def _building(sizes: Sizes, config: Mapping[str, Any]) -> float:
    """Peak while the data set's tensors are made."""
    return data_bytes(sizes, config) + BUILDING * expanded_bytes(sizes, config)
