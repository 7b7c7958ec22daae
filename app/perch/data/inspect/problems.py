"""What looks wrong in a data set, each as one sentence for ``perch data inspect``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from perch.data.graphs.graph import Graphs, Split
from perch.data.reading.adsorbate import listed
from perch.data.reading.source import Structures
from perch.data.refuse import OVERLAP_ANGSTROM, suspicions

SHORT_BOND: Final = 0.6
"""Share of the sum of covalent radii below which a bond is too short to be one (C in CO: 0.8)."""
OUTLIER_DEVIATIONS: Final = 6.0
"""Robust standard deviations from the median of its adsorbate beyond which a target is called an outlier."""
TWIN_EV: Final = 0.005
TWIN_ANGSTROM: Final = 0.05
"""Two structures of one formula closer than both of these are called twins."""


def problems(graphs: Graphs, structures: Structures, splits: Sequence[Split]) -> list[str]:
    """Everything that looks wrong, the gravest first."""
    found = [*_targets(structures), *_bonds(graphs, structures.ids), *_outliers(structures)]
    found += _twins(graphs, structures, splits)
    finite = bool(np.isfinite(structures.target_ev).all())
    return [*found, *(suspicions(graphs, structures) if finite else []), *structures.warnings]


def _targets(structures: Structures) -> list[str]:
    y = structures.target_ev
    missing = [name for name, value in zip(structures.ids, y, strict=True) if not np.isfinite(value)]
    found = []
    if missing:
        found.append(f"{len(missing)} of {len(y)} structures have no finite target: {listed(missing)}")
    finite = y[np.isfinite(y)]
    if len(finite) and np.ptp(finite) == 0:
        found.append(f"the target is constant: {finite[0]:g} eV")
    return found


def _bonds(graphs: Graphs, ids: tuple[str, ...]) -> list[str]:
    from ase.data import covalent_radii

    owner = np.repeat(np.arange(len(graphs)), np.diff(graphs.start))
    radii = covalent_radii[graphs.numbers]
    shortest = radii[:, None] + radii[graphs.neighbors]
    found = []
    on_top = (graphs.mask & ~(graphs.distances >= OVERLAP_ANGSTROM)).any(1)
    short = (graphs.mask & (graphs.distances < SHORT_BOND * shortest)).any(1) & ~on_top
    for flag, what in (
        (on_top, f"atoms on top of each other (closer than {OVERLAP_ANGSTROM} Å)"),
        (short, f"a bond shorter than {SHORT_BOND} of the sum of covalent radii"),
    ):
        names = [ids[k] for k in np.unique(owner[flag])]
        if names:
            found.append(f"{len(names)} structures have {what}: {listed(names)}")
    return found


def _outliers(structures: Structures) -> list[str]:
    y, kinds = structures.target_ev, np.array(structures.adsorbates)
    far = np.zeros(len(y), dtype=bool)
    for kind in np.unique(kinds):
        rows = np.flatnonzero((kinds == kind) & np.isfinite(y))
        if len(rows) < 8:
            continue
        middle = np.median(y[rows])
        spread = 1.4826 * np.median(np.abs(y[rows] - middle))
        if spread > 0:
            far[rows] = np.abs(y[rows] - middle) > OUTLIER_DEVIATIONS * spread
    names = [f"{structures.ids[k]} ({y[k]:.2f} eV)" for k in np.flatnonzero(far)]
    text = f"{len(names)} targets lie more than {OUTLIER_DEVIATIONS:g} robust deviations from the median of their adsorbate"
    return [f"{text}: {listed(names)}"] if names else []


def _twins(graphs: Graphs, structures: Structures, splits: Sequence[Split]) -> list[str]:
    pairs = twins(graphs)
    if not pairs:
        return []
    names = [f"{structures.ids[a]} = {structures.ids[b]}" for a, b in pairs]
    found = [f"{len(pairs)} pairs are the same within {TWIN_ANGSTROM} Å and {TWIN_EV * 1000:g} meV: {listed(names, 3)}"]
    torn = 0
    for split in splits:
        train = np.zeros(len(graphs), dtype=bool)
        train[split.train] = True
        torn += sum(bool(train[a]) != bool(train[b]) for a, b in pairs)
    if torn:
        found.append(
            f"{torn} of these pairs lie on both sides of the split: its errors will look too small; group by the clean slab"
        )
    return found


def twins(graphs: Graphs) -> list[tuple[int, int]]:
    """Pairs of structures of one formula with nearly the same distances and target."""
    buckets: dict[bytes, list[int]] = {}
    for k in range(len(graphs)):
        atoms = slice(graphs.start[k], graphs.start[k + 1])
        buckets.setdefault(np.sort(graphs.numbers[atoms]).tobytes(), []).append(k)
    found = []
    for members in buckets.values():
        rows = sorted(members, key=lambda k: graphs.target_ev[k])
        shapes = {k: _distances(graphs, k) for k in rows}
        for n, a in enumerate(rows):
            for b in rows[n + 1 :]:
                if not abs(graphs.target_ev[b] - graphs.target_ev[a]) <= TWIN_EV:
                    break
                if _same(shapes[a], shapes[b]):
                    found.append((min(a, b), max(a, b)))
    return sorted(found)


def _distances(graphs: Graphs, k: int) -> npt.NDArray[np.float32]:
    atoms = slice(graphs.start[k], graphs.start[k + 1])
    return np.sort(graphs.distances[atoms][graphs.mask[atoms]])


def _same(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> bool:
    """Whether sorted distances agree; lists may differ a little in length where a shell ends."""
    n = min(len(a), len(b))
    return (
        n > 0
        and abs(len(a) - len(b)) <= 0.02 * n
        and bool(np.abs(a[: n * 9 // 10] - b[: n * 9 // 10]).max() < TWIN_ANGSTROM)
    )
