"""What stays in memory while a trial trains, by arithmetic: the data, the optimiser's state, batches of the evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from perch.memory.sizes import Load, Sizes
from perch.model.flat import KEPT_EXPANSION_BYTES
from perch.training.assigned import CONTEXT_BYTES
from perch.training.tensors import KEPT

BOND_BYTES: Final = 16
"""Of ``perch.model.flat.FlatData``: receivers, senders, order of senders, distances."""
ATOM_BYTES: Final = 16
"""Kinds, received, sent, weights."""
GRAPH_BYTES: Final = 48
"""Starts and sizes of atoms and bonds (int64), targets as they are and normalised (float32) with some room."""
KEPT_BOND_BYTES: Final = 12
KEPT_ATOM_BYTES: Final = 24
"""Of a batch that is kept (``perch.model.batch.Batch``), without its expanded distances."""

AROUND_BYTES: Final = CONTEXT_BYTES
"""What a process takes of a GPU outside torch's allocator."""
RESERVE_SHARE: Final = 0.15
"""What torch's allocator holds beyond the live tensors, where it was not measured: an assumption. Batches of unequal sizes
leave blocks that fit no other."""


def data_bytes(sizes: Sizes, config: Mapping[str, Any]) -> int:
    """The data set's tensors on the device."""
    bonds, atoms = sizes.total(config), int(sizes.atoms.sum())
    expanded = expanded_bytes(sizes, config)
    return bonds * BOND_BYTES + atoms * ATOM_BYTES + len(sizes) * GRAPH_BYTES * sizes.folds + expanded


def expanded_bytes(sizes: Sizes, config: Mapping[str, Any]) -> int:
    """Expanded distances that are kept for the whole data set."""
    size = sizes.total(config) * sizes.gaussians(config) * 4
    return size if size <= KEPT_EXPANSION_BYTES else 0


def kept_bytes(sizes: Sizes, config: Mapping[str, Any]) -> int:
    """Batches of the evaluation that are kept from epoch to epoch, of all folds."""
    atoms, bonds = sizes.evaluated(config)
    each = bonds * (KEPT_BOND_BYTES + 4 * sizes.gaussians(config)) + atoms * KEPT_ATOM_BYTES
    return min(each, KEPT_EXPANSION_BYTES // sizes.folds) * sizes.folds


def optimizer_slots(config: Mapping[str, Any]) -> int:
    """Numbers that the optimiser keeps for each weight."""
    if config["optimizer"] == "sgd":
        return 1 if config["momentum"] > 0 else 0
    return 2


def lasting_bytes(sizes: Sizes, config: Mapping[str, Any], parameters: float, data_sets: int) -> float:
    """Everything that stays between two steps. ``data_sets``: how many different ones a worker meets; four stay at most."""
    averages = 1 if config["ema_decay"] > 0 else 0
    state = parameters * 4 * (1 + optimizer_slots(config) + averages) * sizes.folds
    return min(data_sets, KEPT) * data_bytes(sizes, config) + kept_bytes(sizes, config) + state


def training_features(config: Mapping[str, Any], load: Load, parameters: float) -> np.ndarray:
    """What a step's peak is made of, in bytes (float32): arrays with a row per bond, per atom and per structure, and gradients."""
    width, layers = float(config["atom_embedding_size"]), float(config["num_graph_conv_layers"])
    return 4 * np.array([
        2.0**18, load.bonds * width * layers, load.bonds * width, load.bonds * float(load.gaussians), float(load.bonds) * layers,
        load.bonds, load.atoms * width * layers, load.atoms * width, load.atoms,
        load.graphs * float(config["fc_feat_size"]) * config["num_fc_layers"], load.graphs * width, parameters,
    ])  # fmt: skip


def evaluation_features(config: Mapping[str, Any], load: Load) -> np.ndarray:
    """The same for a batch of the evaluation, where no layer outlives the next."""
    width = float(config["atom_embedding_size"])
    return 4 * np.array([
        2.0**18, load.bonds * width, load.bonds * float(load.gaussians), load.bonds, load.atoms * width, load.atoms,
        load.graphs * float(config["fc_feat_size"]), load.graphs * width,
    ])  # fmt: skip


def weight_features(config: Mapping[str, Any], atom_features: int, gaussians: int) -> np.ndarray:
    """Terms that the number of weights is a sum of: embedding, convolutions, plain layers."""
    width, layers = float(config["atom_embedding_size"]), float(config["num_graph_conv_layers"])
    head, plain = float(config["fc_feat_size"]), float(config["num_fc_layers"])
    return np.array([
        1.0, width, width * atom_features, layers, layers * width, layers * width**2, layers * width * gaussians, width * head, head,
        (plain - 1) * head**2, (plain - 1) * head,
    ])  # fmt: skip
