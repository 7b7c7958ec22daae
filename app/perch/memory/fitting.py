"""Which part of a space fits a GPU, which hyperparameter keeps the rest out, and a condition that leaves that rest out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final, Protocol

from perch.dimension import Choice, Dimension
from perch.errors import StudyError
from perch.space import Space, parse_space

DRAWN: Final = 1_000
"""Random configurations that stand for the space."""
FEWEST_HELPED: Final = 0.02
"""Below this share a hyperparameter is not blamed."""
FACTORS: Final = ("batch_size", "atom_embedding_size", "num_graph_conv_layers", "max_neighbors", "cutoff_angstrom")
"""Hyperparameters in whose product memory grows."""


class Sized(Protocol):
    """What is asked of an estimate."""

    def bytes(self, config: Mapping[str, Any]) -> float:
        """Peak memory of a configuration."""
        ...

    def least_bytes(self, config: Mapping[str, Any]) -> float:
        """Its lower end."""
        ...


@dataclass(frozen=True)
class Part:
    """What of a space fits: shares of the configurations. ``unsure``: between the lower end and the estimate.

    ``smallest``, ``median``, ``largest``: estimated bytes. ``blame``: for each hyperparameter the share of what does not fit that
    would fit with the middle value of its range, most of all first.
    """

    fits: float
    unsure: float
    smallest: float
    median: float
    largest: float
    blame: tuple[tuple[str, Any, float], ...] = ()

    @property
    def too_large(self) -> float:
        """Share that does not fit."""
        return max(1 - self.fits - self.unsure, 0.0)


@dataclass(frozen=True)
class Condition:
    """A line for ``space.where``. ``kept``: the share of the fitting configurations that it lets through."""

    text: str
    kept: float


def part_of(space: Space, sized: Sized, limit_bytes: float, number: int = DRAWN) -> Part:
    """Draw configurations and hold each against the limit."""
    drawn = [space.draw(0, k, "fits") for k in range(number)]
    needed = sorted((sized.bytes(c), sized.least_bytes(c)) for c in drawn)
    fits = sum(most <= limit_bytes for most, _ in needed) / number
    unsure = sum(most > limit_bytes >= least for most, least in needed) / number
    out = [c for c in drawn if sized.bytes(c) > limit_bytes]
    blame = tuple(sorted(_blamed(space, sized, limit_bytes, out[:200]), key=lambda found: -found[2]))
    return Part(fits, unsure, needed[0][0], needed[number // 2][0], needed[-1][0], blame)


def _blamed(
    space: Space, sized: Sized, limit_bytes: float, out: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, Any, float]]:
    for key, dimension in space.dimensions.items() if out else ():
        middle = _middle(dimension)
        helped = sum(sized.bytes({**c, key: middle}) <= limit_bytes for c in out) / len(out)
        if helped > FEWEST_HELPED:
            yield key, middle, helped


def _middle(dimension: Dimension) -> Any:
    if isinstance(dimension, Choice):
        values = sorted(dimension.values, key=float) if dimension.numeric else dimension.values
        return values[(len(values) - 1) // 2]
    return dimension.from_unit(0.5)


def suggestion(space: Space, sized: Sized, limit_bytes: float, number: int = DRAWN) -> Condition | None:
    """The condition on a product of hyperparameters that lets no draw through that does not fit, and most of those that do.

    None where no such condition lets any through.
    """
    names = [k for k in space.dimensions if k.removeprefix("data.") in FACTORS and "." not in k]
    names = [k for k in names if _numeric(space.dimensions[k])]
    drawn = [space.draw(0, k, "fits") for k in range(number)]
    fits = [sized.bytes(c) <= limit_bytes for c in drawn]
    if all(fits) or not any(fits) or not names:
        return None
    found: list[tuple[float, int, str]] = []
    for size in range(1, len(names) + 1):
        for chosen in combinations(names, size):
            products = [math.prod(float(c[name]) for name in chosen) for c in drawn]
            ceiling = min(p for p, good in zip(products, fits, strict=True) if not good)
            below = [p for p, good in zip(products, fits, strict=True) if good and p < ceiling]
            if not below:
                continue
            bound = _rounded_down(ceiling, max(below))
            kept = sum(p <= bound for p in below) / sum(fits)
            found.append((kept, -size, f"{' * '.join(chosen)} <= {bound:g}"))
    for kept, _, text in sorted(found, reverse=True):
        if kept > 0 and _holds(space, sized, limit_bytes, text, number):
            return Condition(text, kept)
    return None


def _numeric(dimension: Dimension) -> bool:
    return not isinstance(dimension, Choice) or dimension.numeric


def _rounded_down(ceiling: float, largest: float) -> float:
    """A short number below ``ceiling``; near ``largest`` where it can."""
    for digits in (2, 3, 4, 6):
        step = 10.0 ** (math.floor(math.log10(largest)) - digits + 1)
        bound = math.floor(ceiling / step) * step
        if largest <= bound < ceiling:
            return bound
    return largest


def _holds(space: Space, sized: Sized, limit_bytes: float, text: str, number: int) -> bool:
    """True where fresh draws under the condition fit, too, but for one in fifty."""
    try:
        limited = parse_space({**space.spec(), "where": [*space.where, text]})
        fresh = [limited.draw(1, k, "fits") for k in range(number // 2)]
    except StudyError:
        return False
    return sum(sized.least_bytes(c) > limit_bytes for c in fresh) <= len(fresh) / 50
