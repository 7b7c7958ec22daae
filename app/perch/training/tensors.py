"""A study's data on the training device, kept from trial to trial of one process."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections import OrderedDict
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from perch.data.graphs import store
from perch.data.graphs.features import atom_features, feature_table
from perch.data.graphs.graph import Graphs
from perch.data.graphs.trim import most_bytes, trim
from perch.data.prepare import Prepared
from perch.model.flat import FlatData, expand, flat_arrays, keeps_expanded, pooling_weights

FORMAT: Final = 1
"""To be raised when ``flat_arrays`` come out differently from the same graphs."""
TENSORS: Final = "tensors"
EXPANDED: Final = "expanded"
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
        if base is not None:
            made[pooling] = base.pooled(prepared.graphs, pooling)
        else:
            made[pooling] = _made(prepared, key[1], pooling, device)
    while len(_CACHE) > KEPT:
        _CACHE.popitem(last=False)
    return made[pooling]


def _made(prepared: Prepared, features: str, pooling: str, device: torch.device) -> FlatData:
    graphs, weights = prepared.graphs, pooling_weights(prepared.graphs, pooling)
    arrays = mapped_arrays(prepared, features)
    if device.type != "cpu":
        arrays = {name: values for name, values in arrays.items() if name != EXPANDED}
    return FlatData.of({**arrays, "weights": weights}, graphs.cutoff_angstrom, pooling, device)


def mapped_arrays(prepared: Prepared, features: str) -> dict[str, npt.NDArray[Any]]:
    """The data set's arrays, mapped from the cache, where processes of one node share them; made and kept there first.

    ``features``: the digest of the table of atom features. A cache that takes nothing costs the sharing, nothing else.
    """
    if prepared.cache is None:
        return _arrays(prepared)
    folder = prepared.cache / TENSORS / _name(prepared.fingerprint, features)
    stored = store.read(folder)
    if stored is None:
        arrays = _arrays(prepared)
        with contextlib.suppress(OSError):
            store.write(folder, arrays, {})
            trim(folder.parent, most_bytes(), keep=folder)
        stored = store.read(folder)
        if stored is None:
            return arrays
    with contextlib.suppress(OSError):
        os.utime(folder)  # what was used longest ago is removed first
    return stored.arrays


def _arrays(prepared: Prepared) -> dict[str, npt.NDArray[Any]]:
    graphs = prepared.graphs
    arrays = flat_arrays(graphs, graph_features(graphs, prepared.features))
    if keeps_expanded(len(arrays["distances"]), graphs.cutoff_angstrom):
        arrays[EXPANDED] = expand(torch.from_numpy(arrays["distances"]), graphs.cutoff_angstrom).numpy()
    return arrays


def _name(fingerprint: str, features: str) -> str:
    """Content of the data and of the table of features, and the version of what is made of them."""
    return hashlib.sha256(f"{FORMAT}/{torch.__version__}/{fingerprint}/{features}".encode()).hexdigest()[:32]


def _digest(source: str) -> str:
    """A name for what a table of atom features holds, wherever it lies."""
    table, known = feature_table(source)
    return hashlib.sha256(table.tobytes() + known.tobytes()).hexdigest()
