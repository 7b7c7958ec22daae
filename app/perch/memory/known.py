"""The estimate of a study: fitted once for its data and space, and kept in the cache."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from perch.atomic import replacing
from perch.data.graphs.features import feature_table
from perch.data.prepare import Prepared, prepare
from perch.dimension import Dimension
from perch.memory.estimate import Estimate, Terms, fit
from perch.memory.probe import counted, measured
from perch.memory.sizes import Sizes
from perch.space import Space
from perch.study import Study
from perch.training.tensors import KEPT

GRAPH_KEYS = ("cutoff_angstrom", "max_neighbors")
FORMAT = 1
"""To be raised when the same configurations are probed, or fitted, otherwise."""
FLAGS = 2
"""Numbers of an atom besides its element's: whether it is the adsorbate's, and whether it is fixed."""


def estimate_of(
    study: Study,
    cache: Path,
    *,
    device: torch.device | None = None,
    prepared: Prepared | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Estimate:
    """What the study's configurations take. ``device``: a GPU to measure on; None: tensors are counted.

    ``prepared``: the study's data, where they are built already. ``progress``: called with probes made and all.
    """
    space = study.search_space
    graphs = _largest_graphs(study, space, cache, prepared)
    sizes, features = _looked_at(graphs)
    name = "" if device is None else torch.cuda.get_device_name(device)
    file = cache / "memory" / f"{_key(study, graphs.fingerprint, name)}.json"
    terms = _kept(file)
    if terms is None:
        probes = []
        made = (
            counted(study.trainable_name, space, sizes, features)
            if device is None
            else measured(study.trainable_name, space, sizes, graphs, device, study.resources.tf32)
        )
        for probe in made:
            probes.append(probe)
            if progress is not None:
                progress(len(probes), 0)
        terms = fit(probes, sizes, features, name)
        _keep(file, terms)
    return Estimate(terms, sizes, features, data_sets(space))


def sizes_of(study: Study, cache: Path) -> tuple[Sizes, int]:
    """Sizes of the study's structures in all graphs of its space, and numbers per atom. The graphs are built, and kept in ``cache``."""
    return _looked_at(_largest_graphs(study, study.search_space, cache, None))


def _looked_at(graphs: Prepared) -> tuple[Sizes, int]:
    return Sizes(graphs.graphs, graphs.splits), feature_table(graphs.features)[0].shape[1] + FLAGS


def data_sets(space: Space) -> int:
    """How many data sets a worker meets at most: one for each cutoff and number of neighbours that are searched."""
    number = 1
    for key, dimension in space.dimensions.items():
        if key.removeprefix("data.") in GRAPH_KEYS:
            number *= len(dimension.edge_values())
    return min(number, KEPT)


def _largest_graphs(study: Study, space: Space, cache: Path, prepared: Prepared | None) -> Prepared:
    largest: dict[str, Any] = {}
    for key, dimension in space.dimensions.items():
        if (name := key.removeprefix("data.")) in GRAPH_KEYS:
            largest[name] = _top(dimension)
    if prepared is not None and not largest:
        return prepared
    return prepare(study.data, base=Path(study.base), cache=cache, **largest)


def _top(dimension: Dimension) -> Any:
    values: tuple[Any, ...] = getattr(dimension, "values", None) or dimension.edge_values()
    return max(values)


def _key(study: Study, fingerprint: str, device: str) -> str:
    parts = [
        FORMAT,
        fingerprint,
        study.trainable_name,
        study.search_space.spec(),
        device,
        version("perch-hpo"),
        torch.__version__,
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _kept(file: Path) -> Terms | None:
    try:
        plain: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return Terms.read(plain)
    except (OSError, ValueError, TypeError):
        return None


def _keep(file: Path, terms: Terms) -> None:
    """A disk that does not take it costs the time to fit anew, nothing else."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as path:
            path.write_text(json.dumps(terms.plain()), encoding="utf-8")
    except OSError:
        return
