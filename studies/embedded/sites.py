"""Inequivalent places above a slab."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np
from ase import Atoms
from recipe import Numbers

SITE_ANGSTROM = 0.08
"""Sites whose surroundings differ by less are one site."""


class Site:
    """A place above the surface: its kind with the elements around, and the surface atoms that span it."""

    def __init__(self, kind: str, symbols: list[str], position: Numbers) -> None:
        self.label = f"{kind}-{''.join(sorted(symbols))}"
        self.position = position
        self.number = -1


def sites(slab: Atoms, facet: str) -> list[Site]:
    """Inequivalent tops, bridges and hollows, numbered in the order of their labels."""
    tops = np.flatnonzero(slab.get_tags() <= (2 if facet == "211" else 1))
    near = min(slab.get_distance(a, b, mic=True) for a, b in itertools.combinations(tops, 2))
    images = [
        (int(k), slab.positions[k] + n * slab.cell[0] + m * slab.cell[1])
        for k in tops
        for n in (-1, 0, 1)
        for m in (-1, 0, 1)
    ]
    found: list[Site] = []
    seen: list[Numbers] = []
    looked_at: set[tuple[float, ...]] = set()
    home = [image for image in images if any(np.allclose(image[1], slab.positions[k]) for k in tops)]

    def add(kind: str, atoms: list[tuple[int, Numbers]]) -> None:
        site = Site(kind, [slab.symbols[k] for k, _p in atoms], np.mean([p for _k, p in atoms], axis=0))
        place = tuple(np.round(slab.cell.scaled_positions(site.position) % 1, 4))
        if place in looked_at:
            return
        looked_at.add(place)
        fingerprint = environment(slab, site.position)
        if not any(s.label == site.label and alike(fingerprint, f) for s, f in zip(found, seen, strict=True)):
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


def alike(one: Numbers, other: Numbers) -> bool:
    """Whether two environments are those of equivalent places."""
    return bool(np.allclose(one, other, atol=SITE_ANGSTROM))


def environment(slab: Atoms, position: Numbers) -> Numbers:
    """Distances to the nearest twelve slab atoms of each element: equal for equivalent places.

    Element by element, since Pd and Pt, say, are too alike in size to tell a hollow above one from a hollow above the other.
    """
    images = [
        slab.positions + n * slab.cell[0] + m * slab.cell[1] for n in (-2, -1, 0, 1, 2) for m in (-2, -1, 0, 1, 2)
    ]
    distance = np.linalg.norm(np.concatenate(images) - position, axis=1)
    numbers = np.tile(slab.numbers, len(images))
    return np.concatenate([np.sort(distance[numbers == element])[:12] for element in np.unique(slab.numbers)])


def drawn_sites(slab: str, adsorbate: str, choices: list[Site]) -> list[Site]:
    """Two sites (three on a step), drawn by slab and adsorbate alone. How the embedded set drew its own is not known."""
    word = hashlib.sha256(f"{slab} {adsorbate}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(word[:8], "little"))
    count = min(3 if slab.endswith("211") else 2, len(choices))
    return [choices[k] for k in sorted(rng.choice(len(choices), size=count, replace=False))]
