"""What a run is measured against where the study names no point."""

from __future__ import annotations

import pytest

from perch.runs.starting_point import starting_point
from perch.study import parse
from perch.training.keys import START

SPACE = {"lr": {"float": [0.0005, 0.02], "log": True}, "batch_size": {"choice": [16, 32]}, "pooling": "adsorbate"}


def start(space, **changes):
    return starting_point(parse({"space": space, "points": [], **changes}))


def test_the_first_point_is_it():
    point = {"lr": 0.01, "batch_size": 32}
    assert start(SPACE, points=[point]) == {**point, "pooling": "adsorbate", "optimizer": "adam"}


def test_of_a_network_of_perch_it_is_a_careful_persons_choice_as_far_as_the_space_holds_it():
    averaged = {**SPACE, "ema_decay": {"choice": [0.0, 0.99]}, "clip_norm": {"choice": [0.0, 0.5]}}
    found = start(averaged)
    assert found == {
        "lr": START["lr"],
        "batch_size": START["batch_size"],
        "pooling": "adsorbate",
        "ema_decay": 0.99,
        "clip_norm": 0.0,
        "optimizer": "adam",
    }


def test_of_anything_else_it_is_the_middle_of_the_space():
    found = start(
        {"lr": {"float": [0.001, 0.1], "log": True}, "size": {"choice": [4, 8]}}, trainable="a:B", metric="loss"
    )
    assert found == {"lr": pytest.approx(0.01), "size": 4}


def test_there_is_none_where_a_condition_excludes_it():
    assert start({**SPACE, "where": "batch_size > 16"}) is None
