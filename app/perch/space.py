"""The search space: named dimensions, fixed values and conditions, with draws that depend on (seed, ordinal) alone."""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np

from perch.condition import condition, condition_names
from perch.dimension import Dimension, Value, read_dimension
from perch.errors import StudyError, did_you_mean
from perch.prior import Prior, read_prior

Config = dict[str, Any]

TRIED_CONFIGS = 1_000
"""Random configurations on which conditions are tried when a space is read."""
EDGE_CONFIGS = 2
"""Further ones for each value at a dimension's edges."""
MAX_REJECTIONS = 10_000
"""Draws that a condition may refuse in a row before the space counts as empty."""


@dataclass(frozen=True)
class Space:
    """Searched dimensions, fixed values and conditions. Configurations hold both searched and fixed keys."""

    dimensions: Mapping[str, Dimension]
    fixed: Mapping[str, Value]
    where: tuple[str, ...] = ()
    name: str = ""
    priors: Mapping[str, Prior] = field(default_factory=dict)
    """What is believed of dimensions beforehand; those that have none are believed to be uniform."""

    def draw(self, seed: int, ordinal: int, purpose: str = "config") -> Config:
        """Configuration number ``ordinal``: a function of (seed, purpose, ordinal) alone, conditions honoured."""
        return self._allowed(self._from, seed, purpose, ordinal)

    def draw_from_priors(self, seed: int, ordinal: int) -> Config:
        """A configuration as the priors have it: a function of (seed, ordinal) alone, conditions honoured."""

        def drawn(u: Iterator[float]) -> Config:
            values = {
                k: self.priors[k].from_unit(d, next(u)) if k in self.priors else d.from_unit(next(u))
                for k, d in self.dimensions.items()
            }
            return {**values, **self.fixed}

        return self._allowed(drawn, seed, "prior", ordinal)

    def _allowed(self, drawn: Callable[[Iterator[float]], Config], seed: int, purpose: str, ordinal: int) -> Config:
        uniform = keyed_uniforms(seed, purpose, ordinal)
        for _ in range(MAX_REJECTIONS):
            config = drawn(uniform)
            if self.allows(config):
                return config
        raise StudyError(
            "no configuration satisfies the conditions of the search space",
            why=f"{MAX_REJECTIONS:,} random draws were refused by: {'; '.join(self.where)}",
            fix="widen the ranges or loosen 'where'",
        )

    def from_unit(self, unit: Mapping[str, float]) -> Config:
        """Configuration at a point of the unit cube, fixed values added; conditions are not looked at."""
        return {**{k: d.from_unit(unit[k]) for k, d in self.dimensions.items()}, **self.fixed}

    def to_unit(self, config: Mapping[str, Any]) -> dict[str, float]:
        """Where a configuration lies in the unit cube."""
        return {k: d.to_unit(config[k]) for k, d in self.dimensions.items()}

    def allows(self, config: Mapping[str, Any]) -> bool:
        """True when every condition holds."""
        return all(condition(text)(config) for text in self.where)

    def try_conditions(self) -> None:
        """Evaluate the conditions on configurations from all over the space: random ones, and ones at its edges.

        Raises StudyError for one where a condition has no value.
        """
        if not self.where:
            return
        uniform = keyed_uniforms(0, "conditions")
        edges = [(key, value) for key, d in self.dimensions.items() for value in d.edge_values()]
        for _ in range(TRIED_CONFIGS):
            self.allows(self._from(uniform))
        for key, value in edges * EDGE_CONFIGS:
            self.allows({**self._from(uniform), key: value})

    def _from(self, uniform: Iterator[float]) -> Config:
        return self.from_unit({k: next(uniform) for k in self.dimensions})

    def problems(self, config: Mapping[str, Any]) -> Iterator[str]:
        """Say what keeps a configuration out of this space; yields nothing when it lies inside."""
        for key in config:
            if key not in self.dimensions and key not in self.fixed:
                yield f"'{key}' is not in the space ({did_you_mean(key, [*self.dimensions, *self.fixed])})"
        for key, dimension in self.dimensions.items():
            if key not in config:
                yield f"'{key}' is missing"
            elif not dimension.contains(config[key]):
                yield f"{key} = {config[key]!r} lies outside {dimension.spec()}"
        for key, value in self.fixed.items():
            if key in config and config[key] != value:
                yield f"{key} = {config[key]!r}, but the space fixes it at {value!r}"
        if all(k in config for k in self.dimensions) and not self.allows({**self.fixed, **config}):
            yield f"a condition does not hold: {'; '.join(self.where)}"

    def complete(self, config: Mapping[str, Any]) -> Config:
        """The configuration with fixed values added, in the space's order of keys."""
        return {k: config.get(k, self.fixed.get(k)) for k in [*self.dimensions, *self.fixed]}

    def spec(self, *, priors: bool = True) -> dict[str, Any]:
        """The form that a study file has; without ``priors``: what makes two spaces the same."""
        out: dict[str, Any] = {k: d.spec() for k, d in self.dimensions.items()}
        if priors:
            out.update({k: {**out[k], "prior": p.spec()} for k, p in self.priors.items() if k in out})
        out.update(self.fixed)
        if self.where:
            out["where"] = list(self.where) if len(self.where) > 1 else self.where[0]
        return out


def keyed_uniforms(seed: int, purpose: str, *key: int | str) -> Iterator[float]:
    """Endless numbers in [0, 1) for one decision, as from ``keyed_rng`` but far cheaper: SHA-512 of a counter."""
    text = "/".join(map(str, (seed, purpose, *key)))
    for block in count():
        digest = hashlib.sha512(f"{text}#{block}".encode()).digest()
        for word in struct.unpack("<8Q", digest):
            yield (word >> 11) * 2.0**-53


def keyed_rng(seed: int, purpose: str, *key: int | str) -> np.random.Generator:
    """A generator for one decision: equal keys give equal numbers, whatever was drawn before."""
    words = [seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF]
    for part in (purpose, *key):
        words.extend([len(str(part)), *str(part).encode()])
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words)))


def parse_space(spec: Mapping[str, Any], *, name: str = "") -> Space:
    """Read the ``space:`` of a study file.

    Raises StudyError for an empty, inverted or malformed range, and for a condition that cannot be read or evaluated.
    """
    dimensions: dict[str, Dimension] = {}
    fixed: dict[str, Value] = {}
    priors: dict[str, Prior] = {}
    where: tuple[str, ...] = ()
    for key, value in spec.items():
        if key == "where":
            where = _where(value)
        elif (
            key == "lr_schedule"
            and isinstance(value, Mapping)
            and all(isinstance(v, list) for v in value.values())
            and "choice" not in value
        ):
            fixed[key] = value  # type: ignore[assignment]  # values by epoch: one fixed schedule
        elif isinstance(value, Mapping):
            dimensions[key] = read_dimension(key, {k: v for k, v in value.items() if k != "prior"})
            if "prior" in value:
                priors[key] = read_prior(key, value["prior"], dimensions[key])
        elif isinstance(value, (int, str, bool)) or (isinstance(value, float) and math.isfinite(value)):
            fixed[key] = value
        else:
            raise StudyError(
                f"space.{key}: {value!r} is neither a range nor a fixed value",
                why="a dimension is written {int: [1, 8]}, {float: [0.1, 1]} or {choice: [a, b]}",
                fix=f"write one of these, or a single value to fix '{key}'",
            )
    for text in where:
        names = condition_names(text)
        unknown = sorted(names - dimensions.keys() - fixed.keys())
        if unknown:
            raise StudyError(
                f"space.where: '{unknown[0]}' is not in the space",
                why=did_you_mean(unknown[0], [*dimensions, *fixed]),
                fix="use names of the space only",
            )
    space = Space(dimensions, fixed, where, name, priors)
    space.try_conditions()
    return space


def _where(value: Any) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise StudyError(
            f"space.where: {value!r} is no condition",
            why="a condition is a text, and several are a list of texts",
            fix="write a comparison such as 'width * layers <= 600'",
        )
    return tuple(texts)
