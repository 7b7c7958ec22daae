"""Draws systems of the embedded set, makes each anew in three ways, and says which agree."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
from adsorbate import place
from ase import Atoms
from shipped import apart, embedded, same_site, same_start, slab_before
from sites import sites
from workshop import Workshop

AGREEMENT_EV = 0.02
SLAB_ANGSTROM = 0.05
"""Our clean slab and the shipped one are the same if no atom is further off. An atom that is held where it should be free,
or the other way round, is off by more."""
STOPPED = 75


@dataclass(frozen=True)
class Comparison:
    """One shipped system beside our own. All energies are adsorption energies in eV."""

    id: str
    shipped_ev: float
    at_rest_ev: float
    """Of the shipped structures as they stand, adsorbed and clean: what the potential itself says of them."""
    again_ev: float
    """Relaxed again on our own clean slab, from where the shipped system's adsorbate began."""
    own_ev: float | None
    """Relaxed on our own clean slab from our own start, on a site of the same kind; None without such a site."""
    slab_angstrom: float
    """How far our clean slab is from the shipped one, before the adsorbate came."""
    converged: bool

    @property
    def verdict(self) -> str:
        """What our system is, beside the shipped one."""
        if self.slab_angstrom > SLAB_ANGSTROM:
            return "another slab"
        if abs(self.at_rest_ev - self.shipped_ev) > AGREEMENT_EV:
            return "another energy"
        if not self.converged:
            return "not converged"
        return "same" if abs(self.again_ev - self.shipped_ev) <= AGREEMENT_EV else "another minimum"

    @property
    def own_verdict(self) -> str:
        """What our own start led to."""
        if self.own_ev is None:
            return "no such site"
        return "same" if abs(self.own_ev - self.shipped_ev) <= AGREEMENT_EV else "another minimum"

    def row(self) -> str:
        """A line of the table."""
        rest, again = self.at_rest_ev - self.shipped_ev, self.again_ev - self.shipped_ev
        own = f"{self.own_ev - self.shipped_ev:+.4f}" if self.own_ev is not None else "–"
        return (
            f"| {self.id} | {self.shipped_ev:.4f} | {rest:+.4f} | {again:+.4f} | {own} "
            f"| {self.slab_angstrom:.4f} | {self.verdict} | {self.own_verdict} |"
        )


HEAD = """| system | shipped, eV | at rest | again | own start | slab, Å | again it is | from our start it is |
|---|---|---|---|---|---|---|---|"""


def check(shop: Workshop, number: int, seed: int, most_s: float) -> int:
    """Exit status: 0 if every drawn system relaxed again is the same, 1 if not, 75 if time was up before the last."""
    shipped = embedded()
    drawn = [shipped[k] for k in np.random.default_rng(seed).permutation(len(shipped))[:number]]
    found: list[Comparison] = []
    for one in compared(shop, drawn, time.time() + most_s):
        print(one.row(), flush=True)
        found.append(one)
    print("\n".join(["", HEAD, *(one.row() for one in found), "", *summary(found)]))
    if len(found) < len(drawn):
        print(f"stopped after {len(found)} of {len(drawn)}: run again to go on")
        return STOPPED
    return int(any(one.verdict != "same" for one in found))


def compared(shop: Workshop, drawn: list[Atoms], until: float) -> Iterator[Comparison]:
    """Comparisons one by one, as long as there is time."""
    for given in drawn:
        if time.time() > until:
            return
        yield compare(shop, given)


def compare(shop: Workshop, given: Atoms) -> Comparison:
    """Relax what one comparison needs."""
    name, slab, adsorbate = given.info["id"], given.info["slab"], given.info["adsorbate"]
    clean = shop.clean(slab)
    site = same_site(clean, given, sites(clean, str(given.info["facet"])))
    rest = shop.relaxed(f"rest-{name}", given, steps=0)
    rest_clean = shop.relaxed(f"rest-clean-{slab}", slab_before(given), steps=0)
    again = shop.relaxed(f"again-{name}", same_start(clean, given))
    own = None if site is None else shop.relaxed(f"own-{name}", place(clean, adsorbate, site))
    return Comparison(
        id=name,
        shipped_ev=float(given.info["adsorption_energy_ev"]),
        at_rest_ev=rest.info["energy_ev"] - rest_clean.info["energy_ev"] - shop.reference_ev(adsorbate),
        again_ev=shop.adsorption_ev(slab, adsorbate, again),
        own_ev=None if own is None else shop.adsorption_ev(slab, adsorbate, own),
        slab_angstrom=apart(clean, slab_before(given)),
        converged=bool(again.info["converged"] and clean.info["converged"]),
    )


def summary(found: list[Comparison]) -> Iterator[str]:
    """How many agree, each way, and on what they were made."""
    if not found:
        return
    ways = {
        "at rest": [one.at_rest_ev - one.shipped_ev for one in found],
        "again": [one.again_ev - one.shipped_ev for one in found],
        "own start": [one.own_ev - one.shipped_ev for one in found if one.own_ev is not None],
    }
    for way, differences in ways.items():
        off = np.abs(differences)
        within = int((off <= AGREEMENT_EV).sum())
        worst = f", largest difference {off.max():.4f} eV" if len(off) else ""
        yield f"{way}: {within} of {len(found)} within {AGREEMENT_EV} eV{worst}"
    yield versions()


def versions() -> str:
    """What it was made with, and when."""
    packages = ", ".join(f"{p} {version(p)}" for p in ("sevenn", "torch", "ase", "numpy"))
    return f"{packages}; Python {platform.python_version()}, {platform.machine()}, {time.strftime('%Y-%m-%d', time.gmtime())}"
