"""Which part of a space fits, what is to blame, and the condition that leaves the rest out."""

from __future__ import annotations

import pytest

from perch.memory.fitting import part_of, suggestion
from perch.space import parse_space

SPACE = {
    "atom_embedding_size": {"int": [8, 128]}, "num_graph_conv_layers": {"int": [1, 8]},
    "batch_size": {"choice": [16, 64, 256]}, "lr": {"float": [0.001, 0.1]},
}  # fmt: skip


class Product:
    """Memory that grows with width, layers and batch alone; its lower end is a tenth below."""

    def bytes(self, config):
        return 1000.0 * config["atom_embedding_size"] * config["num_graph_conv_layers"] * config["batch_size"]

    def least_bytes(self, config):
        return 0.9 * self.bytes(config)


def test_shares_add_up_and_the_batch_is_blamed_before_the_learning_rate():
    part = part_of(parse_space(SPACE), Product(), 20e6)
    assert 0.2 < part.fits < 0.8
    assert part.fits + part.unsure + part.too_large == pytest.approx(1)
    assert 0 < part.unsure < 0.1
    assert part.blame[0][0] == "batch_size"
    assert "lr" not in [name for name, _, _ in part.blame]
    assert part.smallest < part.median < part.largest


def test_the_condition_leaves_out_what_does_not_fit_and_hardly_anything_else():
    space = parse_space(SPACE)
    found = suggestion(space, Product(), 20e6)
    assert found is not None
    assert found.kept > 0.95
    limited = parse_space({**SPACE, "where": found.text})
    drawn = [limited.draw(5, k) for k in range(300)]
    assert all(Product().least_bytes(c) <= 20e6 for c in drawn)


def test_conditions_that_are_there_stay():
    space = parse_space({**SPACE, "where": "num_graph_conv_layers > 2"})
    found = suggestion(space, Product(), 20e6)
    assert found is not None
    assert part_of(parse_space({**space.spec(), "where": [*space.where, found.text]}), Product(), 20e6).too_large < 0.01


def test_nothing_is_suggested_where_all_or_nothing_fits():
    space = parse_space(SPACE)
    assert suggestion(space, Product(), 1e12) is None
    assert suggestion(space, Product(), 1.0) is None
    assert part_of(space, Product(), 1e12).blame == ()
    assert part_of(space, Product(), 1.0).too_large == 1
