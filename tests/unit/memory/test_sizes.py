"""Atoms and bonds of structures and of batches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.small_structures import SPEC

from perch.data.prepare import from_atoms
from perch.memory.sizes import Sizes, largest_batch, largest_sum
from perch.training.keys import complete


@pytest.mark.parametrize(("cutoff", "most"), [(4.0, 6), (4.0, 3), (3.0, 6), (2.5, 12), (3.5, 8)])
def test_bonds_of_smaller_graphs_are_those_that_the_neighbour_lists_would_have(structures, prepare_small, cutoff, most):
    largest = prepare_small(spec=SPEC.model_copy(update={"max_neighbors": 12}))
    sizes = Sizes(largest.graphs, largest.splits)
    built = from_atoms(structures, SPEC.model_copy(update={"cutoff_angstrom": cutoff, "max_neighbors": most}))
    owner = np.repeat(np.arange(len(built)), np.diff(built.start))
    config = complete({"cutoff_angstrom": cutoff, "max_neighbors": most})
    assert sizes.bonds(config).tolist() == np.bincount(owner, weights=built.mask.sum(1)).astype(int).tolist()
    assert sizes.total(config) == int(built.mask.sum())


@given(st.lists(st.integers(1, 500), min_size=1, max_size=60), st.integers(1, 80))
def test_no_batch_is_larger_than_its_largest_structures_nor_smaller_than_the_mean(values, size):
    counts = np.array(values, dtype=np.int64)
    found, taken = largest_sum(counts, size), min(size, len(values))
    assert taken * counts.mean() - 1 <= found <= sum(sorted(values)[-taken:])


def test_a_batch_of_the_largest_sum_is_hardly_ever_exceeded():
    rng = np.random.default_rng(1)
    counts = rng.integers(5, 400, size=2_000)
    limit = largest_sum(counts, 64)
    drawn = [int(counts[rng.choice(2_000, 64, replace=False)].sum()) for _ in range(2_000)]
    assert max(drawn) <= limit < sum(sorted(counts.tolist())[-64:])


def test_a_schedule_of_batch_sizes_counts_with_its_largest():
    assert largest_batch(complete({"batch_size": 8})) == 8
    assert largest_batch(complete({"batch_size": 8, "lr_schedule": {"batch_size": [16, 64, 32]}})) == 64
