"""Makes the embedded data set anew: slabs, sites and adsorbates, relaxed with SevenNet-l3i5. See README.md.

    uv run --script studies/embedded/make.py check --number 20      # draw systems, make them anew, compare
    uv run --script studies/embedded/make.py make --slab Pt-111     # one slab, or all without --slab
    uv run --script studies/embedded/make.py pack made.extxyz.gz    # gather what is made

Every relaxation leaves one small file in --work, written under another name first: stop it at any time, start it
again, and it goes on with what is missing.
"""

# /// script
# requires-python = ">=3.11,<3.12"
# dependencies = ["sevenn==0.13.0", "ase>=3.29,<4", "numpy>=2"]
# ///

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import itertools
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk, fcc100, fcc111, fcc211, molecule, surface
from ase.constraints import FixAtoms
from ase.data import atomic_numbers, covalent_radii, reference_states
from ase.io import read, write
from ase.optimize import LBFGS

METALS = ("Al", "Cu", "Rh", "Pd", "Ag", "Ir", "Pt", "Au")
STEPPED = ("Al", "Cu", "Rh", "Pd", "Ag", "Ir", "Pt")
ALLOYS = (
    *("Ag3Au", "Ag3Ir", "Ag3Pt", "Al3Ag", "Al3Cu", "Al3Rh", "Au3Ag", "Au3Pd"),
    *("Au3Pt", "Cu3Au", "Cu3Ir", "Cu3Rh", "Ir3Pt", "Pd3Al", "Pd3Pt", "Pt3Ir"),
)
ADSORBATES = {
    "H": [("H", (0, 0, 0))],
    "C": [("C", (0, 0, 0))],
    "N": [("N", (0, 0, 0))],
    "O": [("O", (0, 0, 0))],
    "CO": [("C", (0, 0, 0)), ("O", (0, 0, 1.16))],
    "OH": [("O", (0, 0, 0)), ("H", (0.75, 0.2, 0.6))],
}
REFERENCES = {
    "H": {"H2": 0.5},
    "C": {"CH4": 1, "H2": -2},
    "N": {"N2": 0.5},
    "O": {"H2O": 1, "H2": -1},
    "CO": {"CO": 1},
    "OH": {"H2O": 1, "H2": -0.5},
}
"""What an adsorbate's energy is counted from: molecules and how many of each."""

FORCE_EV_PER_ANGSTROM, MOST_STEPS = 0.05, 120
VACUUM_ANGSTROM = 13.0
LOWEST_ANGSTROM, STEP_ANGSTROM, SHORTEST_BOND = 0.6, 0.02, 0.952
"""An adsorbate starts this far above its site's atoms, and is lifted until no bond is shorter than this share of the
sum of covalent radii."""
EMBEDDED = Path(__file__).resolve().parents[2] / "app" / "perch" / "data" / "embedded" / "adsorption.extxyz.gz"
AGREEMENT_EV, SLABS_ANGSTROM = 0.02, 0.1


@cache
def potential() -> Any:
    """The potential, whose weights lie in the wheel of sevenn; one thread, so that a run can be repeated."""
    import torch
    from sevenn.calculator import SevenNetCalculator

    torch.set_num_threads(1)
    return SevenNetCalculator("7net-l3i5", device="cpu")


class Workshop:
    """Relaxed things by name, one file each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def relaxed(self, name: str, start: Atoms) -> Atoms:
        """The structure relaxed from ``start``, made now or read; ``info``: energy_ev, converged, steps."""
        file = self.folder / f"{name}.extxyz"
        if file.is_file():
            return read(file)
        begin = time.time()
        atoms = start.copy()
        atoms.calc = potential()
        steps = LBFGS(atoms, logfile=None)
        converged = steps.run(fmax=FORCE_EV_PER_ANGSTROM, steps=MOST_STEPS)
        energy = float(atoms.get_potential_energy())
        atoms.calc = None
        atoms.info = {"energy_ev": energy, "converged": bool(converged), "steps": steps.get_number_of_steps()}
        keep(atoms, file)
        print(f"  {name}: {energy:.4f} eV, {atoms.info['steps']} steps, {time.time() - begin:.0f} s", flush=True)
        return read(file)

    def lattice_constant(self, name: str) -> float:
        """Minimum of a cubic fit of E(a) around a first guess, in angstrom."""
        file = self.folder / f"lattice-{name}.txt"
        if not file.is_file():
            a = guess_lattice(name)
            for width in (0.04, 0.02):
                grid = a * (1 + np.linspace(-width, width, 7))
                energies = [energy_of(crystal(name, x)) for x in grid]
                fit = np.polynomial.Polynomial.fit(grid, energies, 3)
                roots = fit.deriv().roots()
                a = next(float(r.real) for r in roots if abs(r.imag) < 1e-9 and fit.deriv(2)(r.real) > 0)
            draft = file.with_suffix(".draft")
            draft.write_text(f"{a:.6f}\n")
            draft.rename(file)
        return float(file.read_text())

    def molecule_ev(self, name: str) -> float:
        """Energy of a molecule in a box, relaxed."""
        atoms = molecule(name, vacuum=VACUUM_ANGSTROM / 2)
        atoms.pbc = True
        return float(self.relaxed(f"molecule-{name}", atoms).info["energy_ev"])

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
        reference = sum(n * self.molecule_ev(m) for m, n in REFERENCES[adsorbate].items())
        return float(adsorbed.info["energy_ev"] - self.clean(slab).info["energy_ev"] - reference)


class Site:
    """A place above the surface: its kind with the elements around, and the surface atoms that span it."""

    def __init__(self, kind: str, symbols: list[str], position: np.ndarray) -> None:
        self.label = f"{kind}-{''.join(sorted(symbols))}"
        self.position = position
        self.number = -1


def crystal(name: str, a: float) -> Atoms:
    """The fcc metal, or the L1₂ alloy A₃B with B at the corner."""
    if "3" not in name:
        return bulk(name, "fcc", a=a, cubic=True)
    major, minor = name.split("3")
    places = [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]
    return Atoms([minor, major, major, major], scaled_positions=places, cell=[a, a, a], pbc=True)


def guess_lattice(name: str) -> float:
    parts = name.split("3") if "3" in name else [name, name]
    return float(
        0.75 * reference_states[atomic_numbers[parts[0]]]["a"] + 0.25 * reference_states[atomic_numbers[parts[1]]]["a"]
    )


def energy_of(atoms: Atoms) -> float:
    atoms.calc = potential()
    return float(atoms.get_potential_energy())


def bare_slab(metal: str, facet: str, a: float) -> Atoms:
    """The slab before relaxation: 3 layers (alloy (100): 4), 2 x 2 or the alloy's own cell, tags from the top."""
    if "3" in metal:
        miller, layers, repeat = ((1, 1, 1), 3, (1, 1, 1)) if facet == "111" else ((1, 0, 0), 2, (2, 1, 1))
        slab = surface(crystal(metal, a), miller, layers, periodic=True)
        slab.set_tags(layer_tags(slab))
        slab = slab.repeat(repeat)
    else:
        build = {"111": fcc111, "100": fcc100, "211": fcc211}[facet]
        slab = build(metal, size=(3, 2, 3) if facet == "211" else (2, 2, 3), a=a, vacuum=1.0)
    slab.center(vacuum=VACUUM_ANGSTROM / 2, axis=2)
    slab.pbc = True
    slab.set_constraint(FixAtoms(mask=fixed(slab, facet)))
    return slab


def fixed(slab: Atoms, facet: str) -> np.ndarray:
    """Layers from the third down; on (211), where a layer is a row of the terrace, rows from the fifth down."""
    return slab.get_tags() >= (5 if facet == "211" else 3)


def layer_tags(slab: Atoms) -> np.ndarray:
    heights = np.unique(slab.positions[:, 2].round(2))[::-1]
    return np.array([1 + int(np.argmin(abs(heights - z))) for z in slab.positions[:, 2]])


def sites(slab: Atoms, facet: str) -> list[Site]:
    """Inequivalent tops, bridges and hollows, numbered in the order of their labels."""
    tops = np.flatnonzero(slab.get_tags() <= (2 if facet == "211" else 1))
    near = min(slab.get_distance(a, b, mic=True) for a, b in itertools.combinations(tops, 2))
    images = [
        (k, slab.positions[k] + n * slab.cell[0] + m * slab.cell[1])
        for k in tops
        for n in (-1, 0, 1)
        for m in (-1, 0, 1)
    ]
    found: list[Site] = []
    seen: list[np.ndarray] = []
    home = [image for image in images if any(np.allclose(image[1], slab.positions[k]) for k in tops)]

    def add(kind: str, atoms: list[tuple[int, np.ndarray]]) -> None:
        site = Site(kind, [slab.symbols[k] for k, _p in atoms], np.mean([p for _k, p in atoms], axis=0))
        fingerprint = environment(slab, site.position)
        if not any(
            s.label == site.label and np.allclose(fingerprint, f, atol=0.08) for s, f in zip(found, seen, strict=True)
        ):
            found.append(site)
            seen.append(fingerprint)

    for first in home:
        add("top", [first])
        ring = [i for i in images if 0.1 < np.linalg.norm(i[1] - first[1]) < 1.2 * near]
        for second in ring:
            add("bridge", [first, second])
            for third in ring:
                if 0.1 < np.linalg.norm(third[1] - second[1]) < 1.2 * near:
                    add("hollow3", [first, second, third])
        if facet == "100":
            for second, third in itertools.combinations(ring, 2):
                opposite = second[1] + third[1] - first[1]
                fourth = [i for i in images if np.linalg.norm(i[1] - opposite) < 0.3]
                if fourth and abs(np.dot(second[1] - first[1], third[1] - first[1])) < 0.2 * near**2:
                    add("hollow4", [first, second, third, fourth[0]])
    for number, site in enumerate(sorted(found, key=lambda s: s.label)):
        site.number = number
    return sorted(found, key=lambda s: s.number)


def environment(slab: Atoms, position: np.ndarray) -> np.ndarray:
    """Distances to the nearest twelve slab atoms with their elements' radii: equal for equivalent places."""
    probe = slab + Atoms("X", positions=[position])
    images = [slab.positions + n * slab.cell[0] + m * slab.cell[1] for n in (-1, 0, 1) for m in (-1, 0, 1)]
    distance = np.linalg.norm(np.concatenate(images) - probe.positions[-1], axis=1)
    radii = np.tile(covalent_radii[slab.numbers], 9)
    nearest = np.argsort(distance.round(2) + 1e-4 * radii, kind="stable")[:12]
    return np.concatenate([distance[nearest], radii[nearest]])


def place(slab: Atoms, adsorbate: str, site: Site) -> Atoms:
    """The adsorbate upright on its site, at the lowest height at which no bond is too short."""
    parts = ADSORBATES[adsorbate]
    both = slab.copy()
    both.info = {}
    height = LOWEST_ANGSTROM
    while True:
        foot = site.position + np.array([0, 0, height])
        added = Atoms([s for s, _d in parts], positions=[foot + np.array(d) for _s, d in parts])
        trial = both + added
        trial.set_tags([*slab.get_tags(), *([0] * len(parts))])
        first = len(slab)
        distance = trial.get_distances(first, list(range(first)), mic=True)
        if (distance >= SHORTEST_BOND * (covalent_radii[slab.numbers] + covalent_radii[trial.numbers[first]])).all():
            return trial
        height += STEP_ANGSTROM


def all_slabs() -> list[str]:
    pure = [f"{m}-{f}" for m in METALS for f in ("100", "111", "211") if f != "211" or m in STEPPED]
    return pure + [f"{a}-{f}" for a in ALLOYS for f in ("100", "111")]


def drawn_sites(slab: str, adsorbate: str, choices: list[Site]) -> list[Site]:
    """Two sites (three on a step), drawn by slab and adsorbate alone."""
    word = hashlib.sha256(f"{slab} {adsorbate}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(word[:8], "little"))
    count = min(3 if slab.endswith("211") else 2, len(choices))
    return [choices[k] for k in sorted(rng.choice(len(choices), size=count, replace=False))]


def make(shop: Workshop, only: str | None) -> None:
    """Relax everything that is not there yet."""
    for slab in [only] if only else all_slabs():
        facet = slab.split("-")[1]
        for adsorbate in ADSORBATES:
            for site in drawn_sites(slab, adsorbate, sites(shop.clean(slab), facet)):
                shop.adsorbed(slab, adsorbate, site)


def systems(shop: Workshop) -> Iterator[Atoms]:
    """Finished systems that converged and still are one adsorbate on one slab."""
    for slab in all_slabs():
        if not (shop.folder / f"clean-{slab}.extxyz").is_file():
            continue
        metal, facet = slab.split("-")
        for adsorbate in ADSORBATES:
            for site in drawn_sites(slab, adsorbate, sites(shop.clean(slab), facet)):
                if not (shop.folder / f"{slab}-{adsorbate}-{site.number}.extxyz").is_file():
                    continue
                start, end = shop.adsorbed(slab, adsorbate, site)
                if not end.info["converged"] or not shop.clean(slab).info["converged"] or not whole(end, adsorbate):
                    continue
                energy = shop.adsorption_ev(slab, adsorbate, end)
                yield labelled(start, end, slab, metal, facet, adsorbate, site, energy)


def whole(end: Atoms, adsorbate: str) -> bool:
    """Whether the adsorbate is in one piece and still bound to the slab."""
    first = len(end) - len(ADSORBATES[adsorbate])
    radii = covalent_radii[end.numbers]
    if len(ADSORBATES[adsorbate]) == 2 and end.get_distance(-2, -1, mic=True) > 1.3 * (radii[-1] + radii[-2]):
        return False
    bonds = [end.get_distances(k, range(first), mic=True) / (radii[k] + radii[:first]) for k in range(first, len(end))]
    return bool(np.min(bonds) < 1.3)


def labelled(
    start: Atoms, end: Atoms, slab: str, metal: str, facet: str, adsorbate: str, site: Site, energy: float
) -> Atoms:
    atoms = Atoms(end.symbols, positions=end.positions.round(4), cell=end.cell, pbc=True)
    atoms.arrays["initial_positions"] = start.positions.round(4)
    atoms.set_tags(start.get_tags())
    atoms.arrays["fixed"] = np.append(
        fixed(start, facet)[: -len(ADSORBATES[adsorbate])], [0] * len(ADSORBATES[adsorbate])
    ).astype(int)
    first = len(end) - len(ADSORBATES[adsorbate])
    moved = float(np.linalg.norm((end.positions - start.positions)[first, :2]))
    atoms.info = {
        "id": f"{slab}-{adsorbate}-{site.number}",
        "slab": slab,
        "formula": metal,
        "facet": facet,
        "adsorbate": adsorbate,
        "site": site.label,
        "adsorption_energy_ev": round(energy, 4),
        "moved_angstrom": round(moved, 2),
    }
    return atoms


def embedded() -> list[Atoms]:
    return list(read(io.StringIO(gzip.decompress(EMBEDDED.read_bytes()).decode()), index=":", format="extxyz"))


def check(shop: Workshop, number: int, seed: int, most_s: float) -> int:
    """Draw systems of the embedded set, make each anew, compare energies.

    Lattice constant, clean slab and references are our own; the adsorbate starts where the shipped system says that
    it started, since a floppy adsorbate that starts a tenth of an angstrom higher may find another minimum.
    """
    shipped = embedded()
    rows = np.random.default_rng(seed).permutation(len(shipped))[:number]
    begin, differences = time.time(), []
    for row in rows:
        if time.time() - begin > most_s:
            print(f"stopped after {len(differences)} of {number}: run again to go on")
            return 75
        given = shipped[row]
        slab, adsorbate = given.info["slab"], given.info["adsorbate"]
        end = shop.relaxed(f"check-{given.info['id']}", same_start(shop.clean(slab), given))
        energy = shop.adsorption_ev(slab, adsorbate, end)
        differences.append(energy - given.info["adsorption_energy_ev"])
        print(
            f"{given.info['id']:16}{given.info['adsorption_energy_ev']:9.4f}{energy:9.4f}{differences[-1]:+9.4f} eV",
            flush=True,
        )
    worst = float(np.abs(differences).max())
    print(f"{len(differences)} systems, largest difference {worst:.4f} eV, allowed {AGREEMENT_EV}")
    return int(worst > AGREEMENT_EV)


def same_start(clean: Atoms, given: Atoms) -> Atoms:
    """Our clean slab with the adsorbate where a shipped system has it before relaxation."""
    added = given[np.flatnonzero(given.get_tags() == 0)]
    added.positions = given.arrays["initial_positions"][given.get_tags() == 0]
    theirs = given.arrays["initial_positions"][given.get_tags() > 0]
    if len(theirs) != len(clean) or abs(theirs - clean.positions).max() > SLABS_ANGSTROM:
        raise SystemExit(f"{given.info['id']}: our clean slab is not the shipped one within {SLABS_ANGSTROM} Å")
    start = clean + Atoms(added.symbols, positions=added.positions)
    start.set_tags(given.get_tags())
    start.info = {}
    return start


def pack(shop: Workshop, file: Path) -> None:
    text = io.StringIO()
    found = list(systems(shop))
    write(text, found, format="extxyz")
    with gzip.GzipFile(file, "wb", mtime=0) as stream:
        stream.write(text.getvalue().encode())
    print(f"{len(found)} systems in {file}")


def keep(atoms: Atoms, file: Path) -> None:
    """Write at once or not at all."""
    draft = file.with_suffix(".draft")
    write(draft, atoms, format="extxyz")
    draft.rename(file)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, default=Path("embedded-work"), help="folder of finished relaxations")
    what = parser.add_subparsers(dest="what", required=True)
    check_options = what.add_parser("check", help="make systems of the embedded set anew, and compare")
    check_options.add_argument("--number", type=int, default=20)
    check_options.add_argument("--seed", type=int, default=0)
    check_options.add_argument("--most-seconds", type=float, default=float("inf"))
    what.add_parser("make", help="relax what is missing").add_argument("--slab")
    what.add_parser("pack", help="gather finished systems into one file").add_argument("file", type=Path)
    options = parser.parse_args()
    shop = Workshop(options.work)
    if options.what == "check":
        return check(shop, options.number, options.seed, options.most_seconds)
    if options.what == "make":
        make(shop, options.slab)
    else:
        pack(shop, options.file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
