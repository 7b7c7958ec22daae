"""Neighbour lists and graphs: ASE's neighbor_list, matscipy and vesin beside Perch's whole way to a graph.

    uv run --with matscipy==1.3.1 python benchmarks/graphs.py [--repeats 5] [--structures 200]

Every row does the same structures in the same process, one thread, one after the other in turn; a figure is the median
over repeats. "list" is pairs (i, j, distance) within 6 Å; "graph" also sorts, keeps whole shells, pads and masks.
ASE's graph is its neighbor_list with Perch's own code behind it; the reference CGCNN's way (a list of neighbours per
atom, sorted in Python) is there too. "all cores" is what `perch data build` does.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Sequence

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list

from perch.data.graphs import neighbors
from perch.data.graphs.build import all_lists
from perch.data.sources.adsorption import EMBEDDED, Adsorption
from perch.study import DataSpec

CUTOFF_ANGSTROM, MAX_NEIGHBORS = 6.0, 12
Work = Callable[[Sequence[Atoms]], object]


def ase_pairs(atoms: Atoms, cutoff: float = CUTOFF_ANGSTROM) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return neighbor_list("ijd", atoms, cutoff)


def matscipy_pairs(atoms: Atoms) -> object:
    from matscipy.neighbours import neighbour_list

    return neighbour_list("ijd", atoms, CUTOFF_ANGSTROM)


def graph_from_ase(structures: Sequence[Atoms]) -> object:
    """ASE's list, then Perch's shells."""
    found = [ase_pairs(atoms, CUTOFF_ANGSTROM + neighbors.TIE_ANGSTROM) for atoms in structures]
    start = np.concatenate([[0], np.cumsum([len(atoms) for atoms in structures])])
    i = np.concatenate([f[0] + s for f, s in zip(found, start[:-1], strict=True)])
    j = np.concatenate([f[1] + s for f, s in zip(found, start[:-1], strict=True)])
    d = np.concatenate([f[2] for f in found])
    return neighbors.shells(i, j, d, int(start[-1]), CUTOFF_ANGSTROM, MAX_NEIGHBORS)


def graph_as_usual(structures: Sequence[Atoms]) -> object:
    """A Python loop over atoms, as scripts around CGCNN do it: sort each atom's neighbours, keep twelve, pad."""
    graphs = []
    for atoms in structures:
        i, j, d = ase_pairs(atoms)
        index, distance = [], []
        for atom in range(len(atoms)):
            mine = sorted(zip(d[i == atom], j[i == atom], strict=True))[:MAX_NEIGHBORS]
            padding = MAX_NEIGHBORS - len(mine)
            distance.append([x for x, _j in mine] + [CUTOFF_ANGSTROM + 1] * padding)
            index.append([y for _x, y in mine] + [0] * padding)
        graphs.append((np.array(index), np.array(distance)))
    return graphs


def each(work: Callable[[Atoms], object]) -> Work:
    return lambda structures: [work(atoms) for atoms in structures]


def median_s(work: dict[str, Work], structures: Sequence[Atoms], repeats: int) -> dict[str, float]:
    """Seconds per structure; the contenders take turns, so that a busy machine harms all alike."""
    times: dict[str, list[float]] = {name: [] for name in work}
    for _round in range(repeats + 1):
        for name, run in work.items():
            begin = time.perf_counter()
            run(structures)
            times[name].append(time.perf_counter() - begin)
    return {name: float(np.median(seconds[1:])) / len(structures) for name, seconds in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--structures", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    slabs = [entry.atoms for entry in Adsorption().read(DataSpec(), EMBEDDED, None)][: options.structures]
    sets = {
        "embedded slabs, 13-20 atoms": slabs,
        "slabs of 80 atoms": [atoms.repeat((2, 3, 1))[:80] for atoms in slabs[: max(options.structures // 5, 4)]],
        "bulk Cu, 4 atoms": [bulk("Cu", cubic=True, a=3.6 + 0.001 * k) for k in range(options.structures)],
    }
    work: dict[str, Work] = {
        "ASE neighbor_list: list": each(ase_pairs),
        "vesin: list": each(lambda atoms: neighbors.pairs(atoms, CUTOFF_ANGSTROM)),
        "Python loop over ASE's list: graph": graph_as_usual,
        "ASE neighbor_list: graph": graph_from_ase,
        "Perch: graph": lambda s: neighbors.neighbor_lists(s, CUTOFF_ANGSTROM, MAX_NEIGHBORS),
        "Perch: graph, all cores": lambda s: all_lists(s, CUTOFF_ANGSTROM, MAX_NEIGHBORS),
    }
    try:
        import matscipy  # noqa: F401

        work = {"matscipy: list": each(matscipy_pairs), **work}
    except ModuleNotFoundError:
        print("matscipy is not installed: run with 'uv run --with matscipy'")
    print(
        f"{platform.processor() or platform.machine()}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}"
    )
    record: dict[str, dict[str, float]] = {}
    for title, structures in sets.items():
        seconds = median_s(work, structures, options.repeats)
        record[title] = seconds
        base = seconds["ASE neighbor_list: list"]
        print(f"\n{title} ({len(structures)} structures)")
        for name, value in sorted(seconds.items(), key=lambda item: -item[1]):
            print(f"  {name:38}{value * 1e3:9.3f} ms per structure   {base / value:6.1f} x ASE's list")
    if options.json:
        print(json.dumps(record))


if __name__ == "__main__":
    main()
