"""The trainable of one's own that ships with the studies, without Ray: it learns, and goes on from what it saved."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from perch.study import Study

FOLDER = Path(__file__).resolve().parents[3] / "studies" / "own-trainable"


@pytest.fixture(scope="module")
def study():
    return Study.load(FOLDER / "study.yaml")


@pytest.fixture(scope="module")
def perceptron():
    """The module beside the study."""
    sys.path.insert(0, str(FOLDER))
    try:
        yield importlib.import_module("perceptron")
    finally:
        sys.path.remove(str(FOLDER))


def test_it_learns_and_a_checkpoint_carries_it_on(study, perceptron, tmp_path):
    config = {**study.points[0], "seed": 3}
    one = perceptron.Perceptron(config)
    rows = [one.step() for _ in range(8)]
    assert set(rows[0]) == {study.metric, "test_mae"}
    assert rows[-1]["mae"] < 0.9 * rows[0]["mae"]
    one.save_checkpoint(str(tmp_path))
    other = perceptron.Perceptron({**config, "seed": 4})
    assert other.step() != rows[0], "the seed is the training's"
    other.load_checkpoint(str(tmp_path))
    assert other.step() == one.step()
    assert other.reset_config(config) and other.step() == rows[0]
