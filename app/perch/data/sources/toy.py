"""``toy``: small slabs with one adsorbed atom and ASE's EMT energies, made on the spot. For tests, not for conclusions."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from perch.data.reading.files import refuse_path
from perch.data.reading.source import SOURCES, Defaults, Entry, Progress
from perch.errors import DataError
from perch.study import AdsorbateSpec

if TYPE_CHECKING:
    from ase import Atoms

    from perch.study import DataSpec

METALS = ("Al", "Ni", "Cu", "Pd", "Ag", "Pt", "Au")
ADSORBATES = ("C", "N", "O")
SITES = ("ontop", "bridge", "fcc", "hcp")
_SEED = 20_201_124


class Toy:
    """``select: count=N`` makes N systems instead of 60, the same ones every time."""

    summary = "made on the spot: one atom on small EMT slabs, for tests (select: count=60)"
    needs_path = False
    defaults = Defaults(target="adsorption_energy_ev", adsorbate=AdsorbateSpec(tags="ase"), group="slab")

    def check(self, spec: DataSpec, path: Path | None) -> None:
        """The count is a number; a path has no meaning."""
        refuse_path(spec, path)
        count(spec.select)

    def files(self, spec: DataSpec, path: Path | None) -> Iterable[Path]:
        """The recipe itself."""
        return [Path(__file__)]

    def read(self, spec: DataSpec, path: Path | None, progress: Progress | None) -> list[Entry]:
        """System k depends on k alone, so a larger set begins with the smaller one."""
        return [system(k) for k in range(count(spec.select))]


def count(select: str | None) -> int:
    """How many systems ``select: count=N`` asks for."""
    text = "60" if select is None else select.replace(" ", "").removeprefix("count=")
    if not text.isdecimal() or not 1 <= int(text) <= 100_000:
        raise DataError(
            f"data.select '{select}' means nothing to the toy source",
            why="it only reads count=N",
            fix="write select: count=60, say",
        )
    return int(text)


def system(k: int) -> Entry:
    """System number k: a (111) slab of two metals mixed at random, one atom on a random site, all shaken a little."""
    from ase.build import add_adsorbate, fcc111
    from ase.data import reference_states

    rng = np.random.default_rng((_SEED, k))
    host, guest = rng.choice(METALS, size=2)
    slab = fcc111(host, size=(2, 2, 3), vacuum=6.0, a=reference_states[_number(host)]["a"], periodic=True)
    slab.symbols[rng.choice(len(slab), size=int(rng.integers(0, 4)), replace=False)] = guest
    slab.rattle(stdev=0.05, rng=rng)
    adsorbate = str(rng.choice(ADSORBATES))
    both = slab.copy()
    add_adsorbate(both, adsorbate, height=0.0, position=str(rng.choice(SITES)))
    _raise(both, bonds=float(rng.uniform(1.0, 1.3)))
    energy_ev = _emt_ev(both) - _emt_ev(slab) - _emt_ev(_atom(adsorbate))
    info = {
        "adsorption_energy_ev": energy_ev,
        "slab": str(slab.symbols.formula.format("metal")),
        "adsorbate": adsorbate,
    }
    return Entry(both, f"toy-{k}", (("info", info),))


def _raise(both: Atoms, bonds: float) -> None:
    """Lift the last atom until no bond is shorter than ``bonds`` times the sum of its covalent radii."""
    from ase.data import covalent_radii

    shortest = bonds * (covalent_radii[both.numbers[:-1]] + covalent_radii[both.numbers[-1]])
    others = list(range(len(both) - 1))
    while (both.get_distances(-1, others, mic=True) < shortest).any():
        both.positions[-1, 2] += 0.05


def _emt_ev(atoms: Atoms) -> float:
    from ase.calculators.emt import EMT

    copy = atoms.copy()
    copy.calc = EMT()
    return float(copy.get_potential_energy())


def _atom(symbol: str) -> Atoms:
    from ase import Atoms

    return Atoms(symbol)


def _number(symbol: str) -> int:
    from ase.data import atomic_numbers

    return int(atomic_numbers[symbol])


SOURCES.register("toy", Toy())
