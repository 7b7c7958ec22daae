"""What a configuration really takes: measured on a GPU, or counted where there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch

from perch.data.prepare import Prepared
from perch.memory.count import evaluation_bytes, network_of, parameters_of, training_bytes
from perch.memory.parts import lasting_bytes
from perch.memory.sizes import Sizes, largest_batch
from perch.space import Space
from perch.training.inference import EVALUATION_BYTES
from perch.training.keys import ARCHITECTURE_KEYS, complete

COUNTED: Final = 12
MEASURED: Final = 8
"""Random configurations that are probed, besides those at the edges: either takes tenths of a second."""
SIZED: Final = frozenset({*ARCHITECTURE_KEYS, "batch_size", "loss"}) - {"pooling"}
"""Hyperparameters that memory depends on."""
DEEPEST: Final = 6
"""Networks that are counted have so many layers of a kind at most: time grows with layers, and memory does in proportion."""
STEPS: Final = 6
"""Steps of a measured probe: batches of several sizes show what torch's allocator holds beyond the tensors."""


@dataclass(frozen=True)
class Probe:
    """A complete configuration, and what it takes beyond what lasts (``perch.memory.parts.lasting_bytes``), at the peak of
    training and of evaluating, in bytes.
    """

    config: Mapping[str, Any]
    parameters: int
    training_bytes: float
    evaluation_bytes: float


def probed_configs(space: Space, number: int) -> list[dict[str, Any]]:
    """Configurations all over the space, its edges among them, conditions honoured."""
    drawn = [space.draw(0, k, "memory") for k in range(number)]
    sized = {key: d for key, d in space.dimensions.items() if key.removeprefix("data.") in SIZED}
    for key, dimension in sized.items():
        values = dimension.edge_values() if not hasattr(dimension, "values") else dimension.values
        for value in (values[0], values[-1]):
            config = {**drawn[len(drawn) % number], key: value}
            if space.allows(config):
                drawn.append(config)
    return [complete(config) for config in drawn]


def counted(model: str, space: Space, sizes: Sizes, atom_features: int) -> Iterator[Probe]:
    """Probes without a GPU: tensors of one step, by their sizes."""
    for drawn in probed_configs(space, COUNTED):
        config = {**drawn, **{key: min(drawn[key], DEEPEST) for key in ("num_graph_conv_layers", "num_fc_layers")}}
        network = network_of(model, config, atom_features, sizes.gaussians(config))
        evaluated = sizes.evaluation(config, EVALUATION_BYTES)
        yield Probe(
            config, parameters_of(network),
            training_bytes(network, sizes.training(config), atom_features, config["loss"]),
            evaluation_bytes(network, evaluated, atom_features),
        )  # fmt: skip


def measured(
    model: str, space: Space, sizes: Sizes, prepared: Prepared, device: torch.device, tf32: bool = True
) -> Iterator[Probe]:
    """Probes on a GPU: what torch's allocator has reserved at most. A configuration that runs out of memory is left out.

    Those with other graphs than ``prepared`` are left out too.
    """
    for config in probed_configs(space, MEASURED):
        own = {"cutoff_angstrom": prepared.graphs.cutoff_angstrom, "max_neighbors": prepared.graphs.max_neighbors}
        try:
            yield _measure(model, {**config, **own}, sizes, prepared, device, tf32)
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()


def _measure(
    model: str, config: Mapping[str, Any], sizes: Sizes, prepared: Prepared, device: torch.device, tf32: bool
) -> Probe:
    from perch.training.loop import Training

    torch.cuda.empty_cache()
    training = Training(prepared, config, epochs=1, seed=0, key="memory", device=str(device), model=model, tf32=tf32)
    fold = training.folds[0]
    parameters = parameters_of(fold.network)
    lasting = lasting_bytes(sizes, config, parameters, 1) - _not_there_yet(sizes, config)
    torch.cuda.reset_peak_memory_stats(device)
    for rows in _batches(sizes, config):
        fold.step(rows.to(device), rows, training.config)
    torch.cuda.synchronize(device)
    trained = torch.cuda.max_memory_reserved(device) - lasting
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    part = next(fold.predictor.parts(fold.data, torch.from_numpy(sizes.evaluated_rows)))
    fold.predictor.energies(fold.data.batch(part.to(device), part))
    evaluated = torch.cuda.max_memory_reserved(device) - lasting
    return Probe(config, parameters, max(trained, 0.0), max(evaluated, 0.0))


def _not_there_yet(sizes: Sizes, config: Mapping[str, Any]) -> float:
    """Of what lasts, the batches of the evaluation: they are kept from its first time on."""
    from perch.memory.parts import kept_bytes

    return kept_bytes(sizes, config)


def _batches(sizes: Sizes, config: Mapping[str, Any]) -> Iterator[torch.Tensor]:
    """Rows of some batches: the one with as many bonds as a training ever meets, and random ones."""
    rows, size = sizes.train_rows, min(largest_batch(config), len(sizes.train_rows))
    rng = np.random.default_rng(0)
    for _ in range(STEPS - 1):
        yield torch.from_numpy(rng.choice(rows, size, replace=False))
    bonds = sizes.bonds(config)[rows]
    order = np.argsort(bonds)
    sums = np.concatenate([[0], np.cumsum(bonds[order])])
    windows = sums[size:] - sums[:-size]
    first = int(np.searchsorted(windows, sizes.training(config).bonds))
    first = min(first, len(windows) - 1)
    yield torch.from_numpy(rows[order[first : first + size]])
