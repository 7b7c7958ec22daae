"""What needs the potential: relaxations, each kept in a small file, and what is counted from them."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from adsorbate import place
from ase import Atoms
from ase.build import molecule
from ase.io import read, write
from ase.optimize import LBFGS
from recipe import RECIPE, REFERENCES
from sites import Site
from slabs import VACUUM_ANGSTROM, bare_slab, crystal, guess_lattice

FORCE_EV_PER_ANGSTROM, MOST_STEPS = 0.05, 120
LATTICE_GRID = (0.96, 1.05, 7)
"""Lattice constants that a cubic is fitted to, in shares of the first guess: from, to, and how many. Chosen so that the
shipped lattice constants come out: 22 of 24 within 0.0001 angstrom."""


@cache
def potential() -> Any:
    """The potential, whose weights lie in the wheel of sevenn; one thread, so that a run can be repeated."""
    import torch
    from sevenn.calculator import SevenNetCalculator

    torch.set_num_threads(1)
    return SevenNetCalculator("7net-l3i5", device="cpu")


class Workshop:
    """Relaxed things by name, one file each. Files of an older recipe are made anew."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def kept(self, name: str) -> Atoms | None:
        """What is there under this name and of this recipe."""
        file = self.folder / f"{name}.extxyz"
        found = read(file) if file.is_file() else None
        return found if found is not None and found.info.get("recipe") == RECIPE else None

    def relaxed(self, name: str, start: Atoms, steps: int = MOST_STEPS) -> Atoms:
        """The structure relaxed from ``start``, made now or read; ``info``: energy_ev, converged, steps."""
        if (found := self.kept(name)) is not None:
            return found
        begin = time.time()
        atoms = start.copy()
        atoms.calc = potential()
        optimizer = LBFGS(atoms, logfile=None)
        converged = optimizer.run(fmax=FORCE_EV_PER_ANGSTROM, steps=steps)
        energy, taken = float(atoms.get_potential_energy()), optimizer.get_number_of_steps()
        atoms.calc = None
        atoms.info = {"energy_ev": energy, "converged": bool(converged), "steps": taken, "recipe": RECIPE}
        file = self.folder / f"{name}.extxyz"
        draft = file.with_suffix(".draft")
        write(draft, atoms, format="extxyz")
        draft.rename(file)
        print(f"  {name}: {energy:.4f} eV, {taken} steps, {time.time() - begin:.0f} s", flush=True)
        return read(file)

    def lattice_constant(self, name: str) -> float:
        """Minimum of a cubic fit of E(a) around a first guess, in angstrom."""
        file = self.folder / f"lattice-{name}-recipe-{RECIPE}.txt"
        if not file.is_file():
            grid = guess_lattice(name) * np.linspace(*LATTICE_GRID)
            fit = np.polynomial.Polynomial.fit(grid, [energy_of(crystal(name, a)) for a in grid], 3)
            lowest = [r.real for r in fit.deriv().roots() if abs(r.imag) < 1e-9 and fit.deriv(2)(r.real) > 0]
            draft = file.with_suffix(".draft")
            draft.write_text(f"{float(lowest[0]):.6f}\n")
            draft.rename(file)
        return float(file.read_text())

    def molecule_ev(self, name: str) -> float:
        """Energy of a molecule, relaxed, with 13 angstrom of vacuum around it."""
        atoms = molecule(name, vacuum=VACUUM_ANGSTROM / 2)
        atoms.pbc = True
        return float(self.relaxed(f"molecule-{name}", atoms).info["energy_ev"])

    def reference_ev(self, adsorbate: str) -> float:
        """What an adsorbate's energy is counted from."""
        return sum(n * self.molecule_ev(m) for m, n in REFERENCES[adsorbate].items())

    def clean(self, slab: str) -> Atoms:
        """The relaxed clean slab."""
        metal, facet = slab.split("-")
        return self.relaxed(f"clean-{slab}", bare_slab(metal, facet, self.lattice_constant(metal)))

    def adsorbed(self, slab: str, adsorbate: str, site: Site) -> tuple[Atoms, Atoms]:
        """The adsorbed system before and after relaxation."""
        start = place(self.clean(slab), adsorbate, site)
        return start, self.relaxed(f"{slab}-{adsorbate}-{site.number}", start)

    def adsorption_ev(self, slab: str, adsorbate: str, adsorbed: Atoms) -> float:
        """E(slab + adsorbate) - E(clean slab) - reference."""
        return float(adsorbed.info["energy_ev"] - self.clean(slab).info["energy_ev"] - self.reference_ev(adsorbate))


def energy_of(atoms: Atoms) -> float:
    """Potential energy as it stands, in eV."""
    atoms.calc = potential()
    return float(atoms.get_potential_energy())
