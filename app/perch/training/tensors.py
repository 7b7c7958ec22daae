"""A study's data on the training device, kept from trial to trial of one process."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import torch

from perch.data.graphs.features import atom_features
from perch.data.graphs.graph import Graphs
from perch.data.prepare import Prepared
from perch.model.flat import FlatData

KEPT = 4
"""Data sets kept on the device: a study that searches over the cutoff has several."""

_CACHE: OrderedDict[tuple[str, str, str], FlatData] = OrderedDict()


def with_flags(elements: np.ndarray, graphs: Graphs) -> np.ndarray:
    """The elements' numbers (A, D) and two flags: whether the atom is the adsorbate's, and whether it is fixed."""
    return np.concatenate([elements, graphs.adsorbate[:, None], graphs.fixed[:, None]], axis=1, dtype=np.float32)


def graph_features(graphs: Graphs, source: str) -> np.ndarray:
    """What the model knows of each atom (A, D + 2)."""
    return with_flags(atom_features(graphs.numbers, source), graphs)


def flat_data(prepared: Prepared, pooling: str, device: torch.device) -> FlatData:
    """The data set's tensors on the device; the second trial of a process finds them there."""
    key = (prepared.fingerprint, pooling, str(device))
    if key not in _CACHE:
        _CACHE[key] = FlatData(prepared.graphs, graph_features(prepared.graphs, prepared.features), pooling, device)
    _CACHE.move_to_end(key)
    while len(_CACHE) > KEPT:
        _CACHE.popitem(last=False)
    return _CACHE[key]
