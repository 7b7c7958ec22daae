"""A study's data on the training device, kept from trial to trial of one process."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

import numpy as np
import torch

from perch.data.graphs.features import atom_features, feature_table
from perch.data.graphs.graph import Graphs
from perch.data.prepare import Prepared
from perch.model.flat import FlatData

KEPT = 4
"""Data sets kept on the device: a study that searches over the cutoff has several."""

_CACHE: OrderedDict[tuple[str, str, str], dict[str, FlatData]] = OrderedDict()
"""(fingerprint, digest of the table of features, device) → pooling → tensors, which differ in their weights alone."""


def with_flags(elements: np.ndarray, graphs: Graphs) -> np.ndarray:
    """The elements' numbers (A, D) and two flags: whether the atom is the adsorbate's, and whether it is fixed."""
    return np.concatenate([elements, graphs.adsorbate[:, None], graphs.fixed[:, None]], axis=1, dtype=np.float32)


def graph_features(graphs: Graphs, source: str) -> np.ndarray:
    """What the model knows of each atom (A, D + 2)."""
    return with_flags(atom_features(graphs.numbers, source), graphs)


def flat_data(prepared: Prepared, pooling: str, device: torch.device) -> FlatData:
    """The data set's tensors on the device; the second trial of a process finds them there."""
    key = (prepared.fingerprint, _digest(prepared.features), str(device))
    made = _CACHE.setdefault(key, {})
    _CACHE.move_to_end(key)
    if pooling not in made:
        base = next(iter(made.values()), None)
        if base is None:
            made[pooling] = FlatData(
                prepared.graphs, graph_features(prepared.graphs, prepared.features), pooling, device
            )
        else:
            made[pooling] = base.pooled(prepared.graphs, pooling)
    while len(_CACHE) > KEPT:
        _CACHE.popitem(last=False)
    return made[pooling]


def _digest(source: str) -> str:
    """A name for what a table of atom features holds, wherever it lies."""
    table, known = feature_table(source)
    return hashlib.sha256(table.tobytes() + known.tobytes()).hexdigest()
