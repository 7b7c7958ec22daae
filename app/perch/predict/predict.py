"""Energies of new structures from the winner of a run, with a deviation and with warnings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from perch.data.graphs.graph import Graphs
from perch.data.prepare import from_atoms
from perch.data.reading.names import name_of
from perch.data.reading.xyz import SUFFIXES, read_frames
from perch.errors import DataError
from perch.predict.ensemble import Model, load_ensemble
from perch.study import AdsorbateSpec, DataSpec

if TYPE_CHECKING:
    from ase import Atoms

FAR = 2.0
"""From this distance on a structure counts as far from the training set (see ``Model.distances``)."""
RELAXED_FORCE_EV_PER_ANGSTROM = 0.1
"""A structure whose free atoms feel more than this is not relaxed."""


@dataclass(frozen=True)
class Prediction:
    """One structure's energy: the mean over models, their standard deviation (NaN for one model), how far it lies off."""

    id: str
    formula: str
    energy_ev: float
    deviation_ev: float
    distance: float
    warnings: list[str] = field(default_factory=list)


def predict(
    run: Path, structures: Path, *, top: int | None = None, allow_unseen: bool = False, device: str = "auto"
) -> tuple[list[Prediction], list[Atoms]]:
    """Predict every structure of a file with the first ``top`` models of a run's ensemble (None: all).

    Raises DataError for an unreadable file and for elements that were never trained on (unless ``allow_unseen``).
    """
    models = load_ensemble(run, top, device)
    atoms = read_structures(structures)
    _check_elements(models, atoms, allow_unseen)
    return predict_atoms(models, atoms, structures.stem), atoms


def predict_atoms_with(
    run: Path, atoms: Sequence[Atoms], *, top: int | None = None, allow_unseen: bool = False, device: str = "auto"
) -> list[Prediction]:
    """Predict structures with the ``top`` best models of a run; raises as ``predict`` does."""
    models = load_ensemble(run, top, device)
    _check_elements(models, atoms, allow_unseen)
    return predict_atoms(models, atoms)


def predict_atoms(models: Sequence[Model], atoms: Sequence[Atoms], name: str = "structure") -> list[Prediction]:
    """Predict structures with loaded models."""
    graphs: dict[str, Graphs] = {}
    energies, distances = [], []
    for model in models:
        spec = _spec(model)
        name_of_graphs = spec.model_dump_json()
        if name_of_graphs not in graphs:
            graphs[name_of_graphs] = from_atoms(list(atoms), spec)
        data = model.data(graphs[name_of_graphs])
        energies.append(model.energies(data))
        distances.append(model.distances(data))
    mean, far = np.mean(energies, axis=0), np.mean(distances, axis=0)
    deviation = np.std(energies, axis=0, ddof=1) if len(models) > 1 else np.full(len(mean), np.nan)
    return [
        Prediction(
            id=name_of(one.info.get("id", one.info.get("name"))) or f"{name}-{n}",
            formula=one.get_chemical_formula(),
            energy_ev=float(mean[n]),
            deviation_ev=float(deviation[n]),
            distance=float(far[n]),
            warnings=_warnings(one, float(far[n]), models[0].about),
        )
        for n, one in enumerate(atoms)
    ]


def read_structures(path: Path) -> list[Atoms]:
    """Every structure of a file that ASE reads. Raises DataError when it cannot."""
    import ase.io

    if not path.is_file():
        why = "it is a folder" if path.is_dir() else "no such file"
        raise DataError(f"cannot read structures from '{path}'", why=why, fix="give a file that ASE reads (.extxyz, …)")
    try:
        if path.name.endswith(SUFFIXES):
            atoms = list(read_frames(path))
        else:
            atoms = ase.io.read(str(path), index=":", do_not_split_by_at_sign=True)
    except DataError:
        raise
    except Exception as error:  # each of ASE's readers raises kinds of its own
        raise DataError(
            f"cannot read structures from '{path}'",
            why=f"{type(error).__name__}: {error}",
            fix="give a file that ASE reads: .extxyz, .cif, .traj, POSCAR, .db",
        ) from error
    if not atoms:
        raise DataError(f"'{path}' holds no structure", why="it was read to its end", fix="give another file")
    return atoms


def _spec(model: Model) -> DataSpec:
    """How the model's own graphs were made, for structures that come from a file."""
    about = model.about
    how = about["adsorbate"]
    return DataSpec(
        source="extxyz",
        cutoff_angstrom=about["cutoff_angstrom"],
        max_neighbors=about["max_neighbors"],
        geometry=about["geometry"],
        adsorbate=AdsorbateSpec.model_validate(how) if how else None,
    )


def _check_elements(models: Sequence[Model], atoms: Sequence[Atoms], allow_unseen: bool) -> None:
    from ase.data import chemical_symbols

    seen = set.intersection(*(set(m.about["elements"]) for m in models))
    strange = {n: sorted(set(one.numbers.tolist()) - seen) for n, one in enumerate(atoms)}
    strange = {n: numbers for n, numbers in strange.items() if numbers}
    if strange and not allow_unseen:
        names = ", ".join(chemical_symbols[z] for z in sorted(set().union(*strange.values())))
        raise DataError(
            f"the models never saw {names} ({len(strange)} of {len(atoms)} structures, the first is number {min(strange)})",
            why="they were trained on " + ", ".join(chemical_symbols[z] for z in sorted(seen)),
            fix="leave those structures out, or add --allow-unseen and mistrust the numbers",
        )


def _warnings(atoms: Atoms, distance: float, about: dict[str, Any]) -> list[str]:
    """What makes one prediction doubtful."""
    found = []
    if about["geometry"] == "relaxed" and (why := _unrelaxed(atoms)):
        found.append(f"not relaxed, and the models learnt relaxed geometries: {why}")
    if distance > FAR:
        found.append(f"far from the training set ({distance:.1f} times the spacing of its structures)")
    if about["fixed_atoms"] and not atoms.constraints and "fixed" not in atoms.arrays:
        found.append("no atom is marked as fixed; in the training structures some are")
    return found


def _unrelaxed(atoms: Atoms) -> str:
    """Why a structure is not relaxed, as far as it tells; empty when nothing speaks against it."""
    initial = atoms.arrays.get("initial_positions")
    if initial is not None and np.allclose(initial, atoms.positions, atol=1e-6):
        return "it stands at its initial positions"
    if atoms.calc is not None and "forces" in getattr(atoms.calc, "results", {}):
        largest = float(np.linalg.norm(atoms.get_forces(), axis=1).max())
        if largest > RELAXED_FORCE_EV_PER_ANGSTROM:
            return f"a force of {largest:.2f} eV/Å is left"
    return ""
