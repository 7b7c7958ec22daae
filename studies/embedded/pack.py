"""Gathers finished relaxations into one file of the shape of the embedded set."""

from __future__ import annotations

import gzip
import io
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from adsorbate import place, whole
from ase import Atoms
from ase.io import write
from recipe import ADSORBATES, all_slabs
from sites import Site, drawn_sites, sites
from slabs import fixed
from workshop import Workshop


def pack(shop: Workshop, file: Path) -> int:
    """Write what is finished and good, and say what is left out and why; exit status 1 if there is nothing."""
    left_out: Counter[str] = Counter()
    found = list(systems(shop, left_out))
    if not found:
        print(f"nothing to pack in {shop.folder}: {dict(left_out) or 'no system is finished'}", file=sys.stderr)
        return 1
    text = io.StringIO()
    write(text, found, format="extxyz")
    draft = file.with_name(f"{file.name}.draft")
    with draft.open("wb") as raw, gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as stream:
        stream.write(text.getvalue().encode())
    draft.rename(file)
    print(f"{len(found)} systems in {file}; left out: {dict(left_out) or 'none'}")
    return 0


def systems(shop: Workshop, left_out: Counter[str]) -> Iterator[Atoms]:
    """Finished systems that converged and still are one adsorbate on one slab; the others are counted."""
    for slab in all_slabs():
        clean = shop.kept(f"clean-{slab}")
        if clean is None:
            continue
        for adsorbate in ADSORBATES:
            for site in drawn_sites(slab, adsorbate, sites(clean, slab.split("-")[1])):
                end = shop.kept(f"{slab}-{adsorbate}-{site.number}")
                if end is None:
                    continue
                if not (end.info["converged"] and clean.info["converged"]):
                    left_out["not converged"] += 1
                elif not whole(end, adsorbate):
                    left_out["broken or desorbed"] += 1
                else:
                    energy = shop.adsorption_ev(slab, adsorbate, end)
                    yield labelled(place(clean, adsorbate, site), end, slab, adsorbate, site, energy)


def labelled(start: Atoms, end: Atoms, slab: str, adsorbate: str, site: Site, energy_ev: float) -> Atoms:
    """A system with the keys that the datasheet lists."""
    metal, facet = slab.split("-")
    atoms = Atoms(end.symbols, positions=end.positions.round(4), cell=end.cell[:].round(4), pbc=True)
    atoms.arrays["initial_positions"] = start.positions.round(4)
    atoms.set_tags(start.get_tags())
    atoms.arrays["fixed"] = fixed(start, facet).astype(int)
    first = len(end) - len(ADSORBATES[adsorbate])
    moved = float(np.linalg.norm((end.positions - start.positions)[first, :2]))
    atoms.info = {
        "id": f"{slab}-{adsorbate}-{site.number}",
        "slab": slab,
        "formula": metal,
        "facet": facet,
        "adsorbate": adsorbate,
        "site": site.label,
        "adsorption_energy_ev": round(energy_ev, 4),
        "moved_angstrom": round(moved, 2),
    }
    return atoms
