"""What a data set is: counts, sizes, neighbours, targets, baselines and what looks wrong, for ``perch data inspect``."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from perch.data.baselines import baselines
from perch.data.graphs import store
from perch.data.graphs.build import build
from perch.data.graphs.graph import Graphs, Split
from perch.data.inspect.problems import problems
from perch.data.prepare import check
from perch.data.reading.adsorbate import listed
from perch.data.reading.assemble import assemble
from perch.data.reading.locate import locate
from perch.data.reading.source import SOURCES, Progress, Structures
from perch.data.reading.target import key_table
from perch.data.refuse import refuse_structures
from perch.data.split import make_splits
from perch.errors import DataError

if TYPE_CHECKING:
    from perch.study import DataSpec


@dataclass(frozen=True)
class Description:
    """Lines by heading (``facts``, ``keys``), baselines by side in eV, and sentences about what looks wrong."""

    facts: dict[str, str]
    keys: dict[str, str]
    baselines: dict[str, dict[str, float | None]]
    problems: tuple[str, ...]


def describe(spec: DataSpec, *, base: Path, cache: Path | None = None, progress: Progress | None = None) -> Description:
    """Look at a data set, also at one that a run would refuse. Raises DataError only when it cannot be read at all."""
    check(spec, base)
    source = SOURCES.get(spec.source)
    entries = source.read(spec, locate(spec, base, cache or store.default_cache()), progress)
    keys = key_table(entries)
    target = spec.target or source.defaults.target
    facts = {"source": f"{spec.source}: {source.summary}", "structures": str(len(entries))}
    try:
        structures = assemble(entries, spec, source.defaults)
        refuse_structures(structures, spec.path or "")
    except DataError as error:
        return Description(facts, keys, {}, (str(error),))
    facts |= {"target": f"{target} in eV: {_spread(structures.target_ev)}"} | _composition(structures)
    graphs = build(structures, spec.cutoff_angstrom, spec.max_neighbors, progress)
    facts |= _neighbors(graphs)
    try:
        splits = make_splits(spec.split, structures.groups, structures.ids, base)
    except DataError as error:
        return Description(facts, keys, {}, (*problems(graphs, structures, ()), str(error)))
    facts["split"] = _sides(splits, structures)
    return Description(facts, keys, _baselines(graphs, structures, splits), tuple(problems(graphs, structures, splits)))


def _spread(values: npt.NDArray[np.float64]) -> str:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return "none is a finite number"
    return f"mean {finite.mean():.3f}, deviation {finite.std():.3f}, from {finite.min():.3f} to {finite.max():.3f}"


def _composition(structures: Structures) -> dict[str, str]:
    elements = Counter(symbol for atoms in structures.atoms for symbol in set(atoms.get_chemical_symbols()))
    sizes = np.array([len(atoms) for atoms in structures.atoms])
    periodic = Counter("".join("T" if p else "F" for p in atoms.pbc) for atoms in structures.atoms)
    adsorbates = Counter(structures.adsorbates)
    flagged = sum(int(flag.any()) for flag in structures.is_adsorbate)
    return {
        "atoms": f"{sizes.sum()} in all; {sizes.min()} to {sizes.max()} per structure, median {np.median(sizes):g}",
        "elements": _counted(elements, 30) + " (structures with each)",
        "periodic": _counted(periodic, 8),
        "geometry": structures.geometry,
        "adsorbates": _counted(adsorbates, 20) if set(adsorbates) != {""} else "not said (data.adsorbate)",
        "adsorbate atoms": f"marked in {flagged} structures" if flagged else "not marked (data.adsorbate)",
        "groups": f"{len(set(structures.groups))}: {listed(sorted(set(structures.groups)), 6)}",
    }


def _neighbors(graphs: Graphs) -> dict[str, str]:
    degree = graphs.mask.sum(1)
    longer = float((degree > graphs.max_neighbors).mean())
    short = float((degree < graphs.max_neighbors).mean())
    return {
        "neighbours": (
            f"{degree.min()} to {degree.max()} per atom within {graphs.cutoff_angstrom:g} Å, mean {degree.mean():.1f}; "
            f"{longer:.0%} of the atoms have more than {graphs.max_neighbors} since their last shell is kept whole, {short:.0%} have fewer"
        )
    }


def _sides(splits: tuple[Split, ...], structures: Structures) -> str:
    first = splits[0]
    sides = {"train": first.train, "validation": first.validation, "test": first.test, **first.tests}
    groups = np.array(structures.groups)
    text = ", ".join(f"{name} {len(rows)} in {len(set(groups[rows]))} groups" for name, rows in sides.items())
    return f"{len(splits)} folds, the first: {text}" if len(splits) > 1 else text


def _baselines(graphs: Graphs, structures: Structures, splits: tuple[Split, ...]) -> dict[str, dict[str, float | None]]:
    """Baselines on every side; structures without a target are left out on both sides."""
    known = np.isfinite(graphs.target_ev)
    kept = tuple(
        Split(
            s.train[known[s.train]],
            s.validation[known[s.validation]],
            s.test[known[s.test]],
            {name: rows[known[rows]] for name, rows in s.tests.items()},
        )
        for s in splits
    )
    if not all(len(s.train) for s in kept):
        return {}
    sides = ("validation", "test", *kept[0].tests)
    return baselines(graphs, structures.adsorbates, structures.groups, kept, sides)


def _counted(counter: Counter[str], most: int) -> str:
    return listed([f"{name or 'none'} {count}" for name, count in counter.most_common()], most)
