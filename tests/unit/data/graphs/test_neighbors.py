"""Neighbour lists against a brute-force sum over cells, and what must not change them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111, molecule
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from perch.data.graphs.neighbors import TIE_ANGSTROM, neighbor_lists, pairs, shells

MIXES = list(itertools.product([False, True], repeat=3))
EPSILON = 1e-6


def brute_force(atoms: Atoms, cutoff: float) -> list[tuple[int, int, float]]:
    """Every ordered pair within the cutoff, from all cells that could hold one."""
    cell, pbc = np.asarray(atoms.cell.complete()), atoms.pbc
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    spread = np.ptp(np.linalg.solve(cell.T, atoms.positions.T), axis=1)
    reach = [int(np.ceil(cutoff / h + s)) + 1 if p else 0 for h, s, p in zip(heights, spread, pbc, strict=True)]
    shifts = np.array(list(itertools.product(*(range(-n, n + 1) for n in reach))))
    images = atoms.positions[None] + (shifts @ cell)[:, None]
    distance = np.linalg.norm(images[:, None] - atoms.positions[None, :, None], axis=-1)
    itself = (shifts == 0).all(1)[:, None, None] & np.eye(len(atoms), dtype=bool)[None]
    which, i, j = np.nonzero((distance <= cutoff) & ~itself)
    return list(zip(i.tolist(), j.tolist(), distance[which, i, j].tolist(), strict=True))


@st.composite
def structures(draw: st.DrawFn) -> Atoms:
    """A few atoms in a skewed cell, some outside of it, periodic in any mix of directions."""
    number = draw(st.integers(1, 4))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    cell = np.diag(rng.uniform(2.0, 5.0, 3)) + rng.uniform(-1.2, 1.2, (3, 3)) * (rng.random() < 0.7)
    assume(abs(np.linalg.det(cell)) > 5.0)
    scaled = rng.uniform(-0.8, 1.8, (number, 3))
    return Atoms("Cu" * number, positions=scaled @ cell, cell=cell, pbc=draw(st.sampled_from(MIXES)))


@given(structures(), st.floats(1.0, 6.0))
@settings(max_examples=120, deadline=None)
def test_pairs_are_those_of_a_brute_force_sum_over_cells(atoms: Atoms, cutoff: float) -> None:
    assume(all(abs(d - cutoff) > EPSILON for _i, _j, d in brute_force(atoms, cutoff + 2 * EPSILON)))
    expected = brute_force(atoms, cutoff)
    i, j, d = pairs(atoms, cutoff)
    assert sorted(zip(i.tolist(), j.tolist(), strict=True)) == sorted((i, j) for i, j, _d in expected)
    for a, b in set(zip(i.tolist(), j.tolist(), strict=True)):
        found = np.sort(d[(i == a) & (j == b)])
        assert found == pytest.approx(sorted(x for k, m, x in expected if (k, m) == (a, b)), abs=1e-6)


@pytest.mark.parametrize("pbc", MIXES)
def test_a_direction_without_periodicity_has_no_images(pbc: tuple[bool, bool, bool]) -> None:
    atoms = Atoms("Cu", cell=[3.0, 3.0, 3.0], pbc=pbc)
    _i, _j, d = pairs(atoms, 3.5)
    assert len(d) == 2 * sum(pbc)


def test_a_molecule_without_a_cell_works() -> None:
    i, j, d = pairs(molecule("CO"), 3.0)
    assert sorted(zip(i, j, strict=True)) == [(0, 1), (1, 0)]
    assert d == pytest.approx([1.15, 1.15], abs=0.05)


@given(structures(), st.floats(2.0, 6.0), st.integers(1, 14))
@settings(max_examples=80, deadline=None)
def test_lists_are_the_nearest_up_to_the_end_of_a_shell(atoms: Atoms, cutoff: float, most: int) -> None:
    lists = neighbor_lists([atoms], cutoff, most)
    for atom in range(len(atoms)):
        all_d = np.sort([d for i, _j, d in brute_force(atoms, cutoff + TIE_ANGSTROM) if i == atom])
        assume(not (np.abs(all_d - cutoff - TIE_ANGSTROM) < EPSILON).any())
        assume(not (np.abs(np.diff(all_d) - TIE_ANGSTROM) < EPSILON).any())
        end = min(most, len(all_d))
        while end < len(all_d) and all_d[end] - all_d[end - 1] <= TIE_ANGSTROM:
            end += 1
        kept = lists.distance[atom][lists.mask[atom]]
        assert kept == pytest.approx(all_d[:end], abs=1e-4)


def test_no_shell_is_cut_in_a_perfect_crystal() -> None:
    """An fcc atom has 12 neighbours, then 6, then 24; asking for 13 to 18 gives 18."""
    for most, kept in {1: 12, 12: 12, 13: 18, 18: 18, 19: 42}.items():
        lists = neighbor_lists([bulk("Cu", "fcc", a=3.6)], 6.0, most)
        assert lists.mask.sum() == kept


@pytest.mark.parametrize(("split", "kept"), [(0.004, 12), (0.03, 4)])
def test_ties_are_those_within_a_hundredth_of_an_angstrom(split: float, kept: int) -> None:
    """A slightly stretched fcc crystal: 4 neighbours in the plane, 8 that are a little farther."""
    atoms = bulk("Cu", "fcc", a=3.6, cubic=True)
    stretch = 1 + 2 * split / 3.6 * np.sqrt(2)
    atoms.set_cell([3.6, 3.6, 3.6 * stretch], scale_atoms=True)
    assert neighbor_lists([atoms], 6.0, 3).mask.sum(1) == pytest.approx(kept)


def test_a_distance_equal_to_the_cutoff_is_within_it() -> None:
    """However rounding falls: six neighbours lie at exactly 3 Å."""
    rng = np.random.default_rng(0)
    for _try in range(20):
        atoms = Atoms("Po", cell=[3.0, 3.0, 3.0], pbc=True)
        atoms.rotate(rng.uniform(0, 180), rng.normal(size=3), rotate_cell=True)
        assert neighbor_lists([atoms], 3.0, 12).mask.sum() == 6


def test_short_lists_are_padded_with_the_atom_itself_and_masked() -> None:
    lists = neighbor_lists([molecule("CO"), bulk("Cu")], 6.0, 12)
    assert lists.index.shape == lists.distance.shape == lists.mask.shape == (3, 12)
    assert lists.mask.sum(1).tolist() == [1, 1, 12]
    assert (lists.index[0][1:] == 0).all()
    assert (lists.index[1][1:] == 1).all()
    assert (lists.distance[:2, 1:] == 6.0).all()
    assert (lists.index[2] == 2).all(), "indices count through all structures"


def test_an_atom_alone_has_an_empty_list() -> None:
    lists = neighbor_lists([Atoms("H")], 6.0, 12)
    assert lists.index.tolist() == [[0]]
    assert not lists.mask.any()


def test_no_pairs_at_all_is_no_special_case() -> None:
    none = np.array([], dtype=np.int64)
    lists = shells(none, none, np.array([]), 2, 6.0, 12)
    assert lists.mask.shape == (2, 1)
    assert not lists.mask.any()


def environments(atoms: Atoms, repeats: int = 1) -> list[tuple[object, ...]]:
    """What the model sees: per atom its element, and elements and distances of its neighbours; sorted."""
    lists = neighbor_lists([atoms], 6.0, 12)
    seen = []
    for atom in range(len(atoms)):
        keep = lists.mask[atom]
        near = sorted(
            zip(
                np.round(lists.distance[atom][keep], 3).tolist(),
                atoms.numbers[lists.index[atom][keep]].tolist(),
                strict=True,
            )
        )
        seen.append((int(atoms.numbers[atom]), tuple(near)))
    return sorted(seen)[::repeats]


@st.composite
def slabs(draw: st.DrawFn) -> Atoms:
    """A small alloy slab with an adsorbed atom; half of them ideal, full of ties."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    slab = fcc111("Pt", size=(2, 1, 2), vacuum=5.0, periodic=True)
    slab.symbols[rng.integers(len(slab))] = "Cu"
    slab += Atoms("O", positions=[slab.positions[-1] + [0, 0, 1.8]])
    if draw(st.booleans()):
        slab.rattle(0.05, rng=rng)
    return slab


def close(a: list[tuple[object, ...]], b: list[tuple[object, ...]]) -> bool:
    """Equal elements, distances within a thousandth of an angstrom."""
    flat_a = [(z, [n for _d, n in near], [d for d, _n in near]) for z, near in a]  # type: ignore[misc, attr-defined]
    flat_b = [(z, [n for _d, n in near], [d for d, _n in near]) for z, near in b]  # type: ignore[misc, attr-defined]
    for (za, na, da), (zb, nb, db) in zip(flat_a, flat_b, strict=True):
        if za != zb or sorted(na) != sorted(nb) or not np.allclose(da, db, atol=2e-3):
            return False
    return True


@given(slabs(), st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_graphs_do_not_change_under_rotation_wrapping_and_permutation(slab: Atoms, seed: int) -> None:
    rng = np.random.default_rng(seed)
    before = environments(slab)
    rotated = slab.copy()
    rotated.rotate(rng.uniform(0, 360), rng.normal(size=3), rotate_cell=True)
    moved = slab.copy()
    moved.translate(rng.uniform(-20, 20, 3))
    wrapped = moved.copy()
    wrapped.wrap()
    permuted = slab[rng.permutation(len(slab))]
    for other in (rotated, moved, wrapped, permuted):
        assert close(environments(other), before)


@given(slabs(), st.tuples(st.integers(1, 3), st.integers(1, 2), st.integers(1, 2)))
@settings(max_examples=25, deadline=None)
def test_every_atom_of_a_repeated_cell_sees_what_it_saw(slab: Atoms, times: tuple[int, int, int]) -> None:
    assert close(environments(slab.repeat(times), repeats=int(np.prod(times))), environments(slab))
