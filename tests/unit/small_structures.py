from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import add_adsorbate, fcc111
from ase.constraints import FixAtoms

from perch.data.graphs.graph import Split
from perch.data.prepare import Prepared, from_atoms
from perch.study import AdsorbateSpec, DataSpec

SPEC = DataSpec(source="extxyz", path="x", cutoff_angstrom=4.0, max_neighbors=6, adsorbate=AdsorbateSpec(tags="ase"))


@pytest.fixture(autouse=True)
def one_thread():
    """Sums over rows come out the same, and the suite's other processes keep their core."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def structures() -> list[Atoms]:
    """Small slabs of three metals with O or H at many heights."""
    made = []
    for n in range(30):
        atoms = fcc111(["Cu", "Ag", "Pt"][n % 3], (1, 1, 3), a=4.0, vacuum=5.0)
        add_adsorbate(atoms, "OH"[n % 2], 0.9 + 0.05 * (n // 3), (n % 4 * 0.3, 0.2))
        atoms.info.clear()  # the builder leaves things that extended XYZ cannot hold
        atoms.set_constraint(FixAtoms([0]))
        made.append(atoms)
    return made


@pytest.fixture(scope="session")
def prepare_small(structures):
    """Data to train on; the target depends on height, metal and adsorbate."""

    def make(folds: int = 1, targets=None, spec: DataSpec = SPEC, tests: bool = False) -> Prepared:
        graphs = from_atoms(structures, spec)
        height = np.array([a.positions[-1, 2] - a.positions[-2, 2] for a in structures])
        kind = np.array([{"Cu": 0.0, "Ag": 0.7, "Pt": -0.4}[a.symbols[0]] for a in structures])
        target = targets if targets is not None else (height - 1.2) ** 2 * 8 + kind + 2.0
        rows = np.arange(len(structures))
        splits = []
        for k in range(folds):
            turned = np.roll(rows, 5 * k)
            extra = {"far": turned[28:]} if tests else {}
            splits.append(Split(turned[:20], turned[20:25], turned[25:28], extra))
        names = tuple(str(r) for r in rows)
        return Prepared(
            graphs=replace(graphs, target_ev=np.asarray(target, dtype=np.float64)),
            splits=tuple(splits),
            baselines={"mean": 1.0, "mean_per_adsorbate": None, "ridge_composition": None},
            baselines_test={"mean": 1.0, "mean_per_adsorbate": None, "ridge_composition": None},
            ids=names,
            formulas=names,
            adsorbates=("",) * len(rows),
            groups=names,
            elements=(1, 8, 29, 47, 78),
            geometry="relaxed",
            adsorbate=spec.adsorbate,
            features="cgcnn",
            fingerprint=f"small-{folds}-{tests}-{spec.cutoff_angstrom}-{hash(tuple(np.ravel(target)))}",
        )

    return make


@pytest.fixture
def small_config() -> dict:
    return {
        "atom_embedding_size": 8,
        "num_graph_conv_layers": 2,
        "fc_feat_size": 8,
        "num_fc_layers": 1,
        "lr": 0.01,
        "batch_size": 6,
        "pooling": "adsorbate",
    }
