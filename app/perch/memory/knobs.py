"""Hyperparameters that change nothing: what two values of each build is compared, and nothing is trained."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from perch.dimension import Choice, Dimension, Float
from perch.memory.count import network_of
from perch.memory.sizes import Sizes
from perch.space import Space
from perch.training.keys import ALGORITHM_KEYS, at_epoch, complete

AROUND: Final = 4
"""Configurations around which a hyperparameter is varied: it may matter with some values of others alone."""


@dataclass(frozen=True)
class Knob:
    """A hyperparameter, and how much of it changes something. ``same``: values of which no two build different trainings."""

    name: str
    dead: bool
    same: tuple[Any, ...] = ()

    @property
    def words(self) -> str:
        """For people."""
        if self.dead:
            return f"{self.name} changes nothing: parameters, optimiser, schedule, batches and graphs are the same for all of its values"
        return f"{self.name}: its values {', '.join(map(str, self.same))} are the same training"


def idle_knobs(model: str, space: Space, sizes: Sizes, atom_features: int, epochs: int) -> list[Knob]:
    """The searched hyperparameters that change nothing, and those of which some values are the same training."""
    found = []
    for name, dimension in space.dimensions.items():
        values = _values(dimension)
        around = [space.draw(0, k, "knobs") for k in range(AROUND)]
        seen = [[_built(model, {**c, name: v}, sizes, atom_features, epochs) for v in values] for c in around]
        groups = [tuple(map(str, built)) for built in zip(*seen, strict=True)]
        if len(values) > 1 and len(set(groups)) == 1:
            found.append(Knob(name, dead=True))
        else:
            found += [Knob(name, dead=False, same=same) for same in _alike(values, groups)]
    return found


def _alike(values: tuple[Any, ...], groups: list[tuple[str, ...]]) -> Iterator[tuple[Any, ...]]:
    for group in dict.fromkeys(groups):
        same = tuple(value for value, own in zip(values, groups, strict=True) if own == group)
        if len(same) > 1:
            yield same


def _values(dimension: Dimension) -> tuple[Any, ...]:
    """Values that are compared: all of a choice, the ends and the middle of a range."""
    if isinstance(dimension, Choice):
        return dimension.values
    middle = dimension.from_unit(0.5)
    found = (dimension.low, middle, dimension.high)
    return found if isinstance(dimension, Float) else tuple(dict.fromkeys(found))


def _built(model: str, config: Mapping[str, Any], sizes: Sizes, atom_features: int, epochs: int) -> dict[str, Any]:
    """Everything that a configuration decides about a training, as comparable values."""
    full = complete(config)
    network = network_of(model, full, atom_features, sizes.gaussians(full))
    by_epoch = [at_epoch(full, epoch, epochs) for epoch in range(1, epochs + 1)]
    rows = len(sizes.train_rows)
    steps = [(min(now["batch_size"], rows), -(-rows // now["batch_size"])) for now in by_epoch]
    rest = [{k: now[k] for k in ALGORITHM_KEYS if k in now and k != "batch_size"} for now in by_epoch]
    return {
        "parameters": [(name, tuple(p.shape)) for name, p in network.named_parameters()],
        "optimizer": "adam" if _decays_nothing(full["optimizer"], rest) else full["optimizer"],
        "schedule": rest,
        "batches": steps,
        "bonds": hashlib.sha256(sizes.bonds(full).tobytes()).hexdigest(),
        "gaussians": sizes.limits(full)[0],
        "pooling": full["pooling"],
    }


def _decays_nothing(optimizer: str, by_epoch: Sequence[Mapping[Any, Any]]) -> bool:
    """AdamW without weight decay is Adam (Loshchilov and Hutter, 2019, https://arxiv.org/abs/1711.05101, algorithm 2)."""
    return optimizer == "adamw" and all(now["weight_decay"] == 0 for now in by_epoch)
