"""A study's data, ready to train on: graphs, splits and baselines, built once and then read from a cache."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from perch.data.baselines import baselines
from perch.data.fingerprint import digest, graphs_key, keep_digests, known_digests, splits_key
from perch.data.graphs import store
from perch.data.graphs.build import build
from perch.data.graphs.features import CGCNN
from perch.data.graphs.graph import Graphs, Split
from perch.data.reading.adsorbate import flags
from perch.data.reading.assemble import INITIAL_POSITIONS, assemble
from perch.data.reading.locate import check_path, locate
from perch.data.reading.source import SOURCES, Entry, Progress, Structures
from perch.data.refuse import refuse_elements, refuse_graphs, refuse_structures, refuse_targets, suspicions
from perch.data.split import make_splits
from perch.errors import DataError
from perch.home import expanded

if TYPE_CHECKING:
    from ase import Atoms

    from perch.study import AdsorbateSpec, DataSpec


@dataclass(frozen=True)
class Prepared:
    """What every trial trains on. ``ids``, ``formulas``, ``adsorbates`` and ``groups`` have one entry per graph.

    ``splits`` holds one split, or one per fold. ``baselines`` (validation set) and ``baselines_test`` hold mean
    absolute errors in eV under ``mean``, ``mean_per_adsorbate`` and ``ridge_composition``, None where one has no
    meaning. ``elements`` are the atomic numbers seen in training. ``fingerprint`` changes with the data, the split
    and the graph settings. ``features`` is the source of atom features for ``perch.data.graphs.features.atom_features``.
    """

    graphs: Graphs
    splits: tuple[Split, ...]
    baselines: dict[str, float | None]
    baselines_test: dict[str, float | None]
    ids: tuple[str, ...]
    formulas: tuple[str, ...]
    adsorbates: tuple[str, ...]
    groups: tuple[str, ...]
    elements: tuple[int, ...]
    geometry: str
    adsorbate: AdsorbateSpec | None
    features: str
    fingerprint: str
    files: str = ""
    """What ``prepare`` may be told in other processes of the same run, so that they need not hash the data files."""
    warnings: tuple[str, ...] = ()
    cache: Path | None = None
    """The folder that its graphs are kept in; None: they are in this process alone."""

    def __len__(self) -> int:
        return len(self.graphs)


def check(spec: DataSpec, base: Path) -> None:
    """Find in milliseconds, with nothing heavy imported, what would fail later. Raises DataError."""
    source = SOURCES.get(spec.source)
    if source.needs_path and spec.path is None:
        raise DataError(
            f"source '{spec.source}' needs a path",
            why="data.path is not given",
            fix="set data.path to the file or folder, relative to the study file",
        )
    source.check(spec, check_path(spec, base))
    if spec.atom_features is not None and not (base / expanded(spec.atom_features)).is_file():
        raise DataError(
            f"data.atom_features '{spec.atom_features}' does not exist",
            why=f"looked in {base.absolute()}",
            fix="give an atom_init.json, or leave it out for the CGCNN paper's features",
        )
    for key, file in [*(spec.split.files or {}).items(), *spec.split.tests.items()]:
        if not (base / expanded(file)).is_file():
            raise DataError(
                f"data.split: the file of ids '{file}' ({key}) does not exist",
                why=f"looked in {base.absolute()}",
                fix="correct the name; it is relative to the study file",
            )


def read_structures(
    spec: DataSpec, *, base: Path, cache: Path | None = None, progress: Progress | None = None
) -> Structures:
    """Structures and targets as the study selects them; targets may hold NaN."""
    check(spec, base)
    source = SOURCES.get(spec.source)
    path = locate(spec, base, cache or store.default_cache())
    return assemble(source.read(spec, path, progress), spec, source.defaults)


def prepare(
    spec: DataSpec,
    *,
    base: Path,
    cache: Path | None = None,
    cutoff_angstrom: float | None = None,
    max_neighbors: int | None = None,
    progress: Progress | None = None,
    files: str = "",
) -> Prepared:
    """Build a study's data, or read them from ``cache`` (default: the user's cache folder).

    ``cutoff_angstrom`` and ``max_neighbors`` override the study's, for studies that search over them. What is read
    from the cache is mapped into memory. Several processes may prepare the same data at once. ``files``: the digests of
    the data files, as ``Prepared.files`` of another process names them; they are then not hashed here.

    Raises DataError for data that cannot be trained on.
    """
    changes = {"cutoff_angstrom": cutoff_angstrom, "max_neighbors": max_neighbors}
    spec = spec.model_copy(update={k: v for k, v in changes.items() if v is not None})
    cache = cache or store.default_cache()
    check(spec, base)
    path = locate(spec, base, cache)
    digests = known_digests(cache, files) if files else None
    if digests is None:
        digests = [digest(file) for file in SOURCES.get(spec.source).files(spec, path)]
        files = keep_digests(cache, digests)
    key = graphs_key(spec, digests)
    stored = store.read(cache / "graphs" / key) or _build(spec, base, path, cache / "graphs" / key, progress)
    graphs = Graphs(**stored.arrays, cutoff_angstrom=spec.cutoff_angstrom, max_neighbors=spec.max_neighbors)
    meta = stored.meta
    features = feature_source(spec, base)
    refuse_elements(graphs, meta["ids"], features, spec.path or "")
    fingerprint = splits_key(spec, base, key)
    folder = cache / "splits" / fingerprint
    divided = store.read(folder) or _divide(spec, base, graphs, meta, folder)
    return Prepared(
        graphs=graphs,
        splits=_splits(divided),
        baselines=divided.meta["baselines"],
        baselines_test=divided.meta["baselines_test"],
        ids=tuple(meta["ids"]),
        formulas=tuple(meta["formulas"]),
        adsorbates=tuple(meta["adsorbates"]),
        groups=tuple(meta["groups"]),
        elements=tuple(divided.meta["elements"]),
        geometry=spec.geometry,
        adsorbate=adsorbate_spec(spec),
        features=features,
        fingerprint=fingerprint,
        files=files,
        warnings=tuple(meta["warnings"]),
        cache=cache,
    )


def from_atoms(atoms: list[Atoms], like: Prepared | DataSpec) -> Graphs:
    """Graphs of new structures, made as those of ``like`` were; targets are NaN."""
    if isinstance(like, Prepared):
        cutoff, most, how = like.graphs.cutoff_angstrom, like.graphs.max_neighbors, like.adsorbate
    else:
        cutoff, most, how = like.cutoff_angstrom, like.max_neighbors, adsorbate_spec(like)
    atoms = [_as_trained(a, like.geometry) for a in atoms]
    entries = [Entry(a, str(n), (("info", a.info),)) for n, a in enumerate(atoms)]
    both = [flags(entry, how) for entry in entries]
    names = tuple(entry.id for entry in entries)
    structures = Structures(
        atoms=atoms,
        target_ev=np.full(len(atoms), np.nan),
        ids=names,
        groups=names,
        adsorbates=("",) * len(atoms),
        is_adsorbate=tuple(flag for flag, _surface in both),
        is_surface=tuple(surface for _flag, surface in both),
        geometry=like.geometry,
    )
    refuse_structures(structures)
    graphs = build(structures, cutoff, most)
    refuse_graphs(graphs, names)
    return graphs


def adsorbate_spec(spec: DataSpec) -> AdsorbateSpec | None:
    """Which atoms are the adsorbate: the study's word, else the source's own."""
    return spec.adsorbate or SOURCES.get(spec.source).defaults.adsorbate


def feature_source(spec: DataSpec, base: Path) -> str:
    """What ``atom_features`` is to be called with."""
    return CGCNN if spec.atom_features is None else str((base / expanded(spec.atom_features)).absolute())


def _build(spec: DataSpec, base: Path, path: Path | None, folder: Path, progress: Progress | None) -> store.Stored:
    source = SOURCES.get(spec.source)
    if progress:
        progress("reading structures", 0, 0)
    structures = assemble(source.read(spec, path, progress), spec, source.defaults)
    if progress:
        progress("reading structures", len(structures), len(structures))
    refuse_targets(structures, spec)
    refuse_structures(structures, spec.path or "")
    graphs = build(structures, spec.cutoff_angstrom, spec.max_neighbors, progress)
    refuse_graphs(graphs, structures.ids)
    arrays = {
        f.name: getattr(graphs, f.name) for f in fields(Graphs) if isinstance(getattr(graphs, f.name), np.ndarray)
    }
    meta: dict[str, Any] = {
        "ids": structures.ids,
        "formulas": [str(a.symbols.formula.format("metal")) for a in structures.atoms],
        "adsorbates": structures.adsorbates,
        "groups": structures.groups,
        "warnings": [*structures.warnings, *suspicions(graphs, structures)],
    }
    _keep(folder, arrays, meta)
    return store.Stored(arrays, meta)


def _divide(spec: DataSpec, base: Path, graphs: Graphs, meta: dict[str, Any], folder: Path) -> store.Stored:
    splits = make_splits(spec.split, meta["groups"], meta["ids"], base)
    arrays: dict[str, Any] = {}
    for k, split in enumerate(splits):
        sides = {"train": split.train, "validation": split.validation, "test": split.test}
        arrays |= {f"{k}.{name}": rows for name, rows in sides.items()}
        arrays |= {f"{k}.tests.{name}": rows for name, rows in split.tests.items()}
    rows = np.unique(np.concatenate([split.train for split in splits]))
    graph_of_atom = np.repeat(np.arange(len(graphs)), np.diff(graphs.start))
    errors = baselines(graphs, meta["adsorbates"], meta["groups"], splits, ("validation", "test"))
    found: dict[str, Any] = {
        "folds": len(splits),
        "tests": list(splits[0].tests),
        "baselines": errors["validation"],
        "baselines_test": errors["test"],
        "elements": [int(z) for z in np.unique(graphs.numbers[np.isin(graph_of_atom, rows)])],
    }
    _keep(folder, arrays, found)
    return store.Stored(arrays, found)


def _splits(stored: store.Stored) -> tuple[Split, ...]:
    a = stored.arrays
    names = stored.meta["tests"]
    return tuple(
        Split(a[f"{k}.train"], a[f"{k}.validation"], a[f"{k}.test"], {name: a[f"{k}.tests.{name}"] for name in names})
        for k in range(stored.meta["folds"])
    )


def _keep(folder: Path, arrays: dict[str, Any], meta: dict[str, Any]) -> None:
    """Write to the cache; a full or read-only disk costs the time to build again, nothing else."""
    try:
        store.write(folder, arrays, meta)
    except OSError as error:
        meta["warnings"] = [*meta.get("warnings", []), f"the graph cache {folder.parent} cannot be written: {error}"]


def _as_trained(atoms: Atoms, geometry: str) -> Atoms:
    """A copy whose positions are of the kind that the model was trained on, where the structure carries both."""
    copy = atoms.copy()
    if geometry == "initial" and INITIAL_POSITIONS in copy.arrays:
        copy.set_positions(copy.arrays[INITIAL_POSITIONS], apply_constraint=False)
    return copy
