"""``perch space``: what is printed, and exit codes."""

from __future__ import annotations

import pytest


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A study of few structures, in a folder of its own with its cache."""
    monkeypatch.setenv("PERCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))  # no nvidia-smi
    path = tmp_path / "study.yaml"
    path.write_text(
        "data: {source: toy}\nspace: {atom_embedding_size: {int: [8, 256]}, num_graph_conv_layers: {int: [1, 3]}, "
        "batch_size: {choice: [16, 256]}, lr: {float: [0.01, 0.1]}, lr_schedule: {lr: [0.1]}}\n"
    )
    return path


def test_what_fits_and_what_is_dead(perch, study):
    said = perch("space", study, "--gpu-memory", "800MB")
    assert said.code == 0, said.err
    assert "4 searched hyperparameters" in said.out
    assert "an estimate" in said.out and "left out of the fit" in said.out
    assert "what keeps the rest out:" in said.out
    assert "where: " in said.out
    assert "warning: lr changes nothing" in said.out


def test_without_a_limit_the_range_is_shown(perch, study):
    said = perch("space", study)
    assert said.code == 0, said.err
    assert "say --gpu-memory 16GB" in said.out


@pytest.mark.parametrize("written", ["16", "much", "-3GB"])
def test_an_amount_that_cannot_be_read_is_bad_input(perch, study, written):
    said = perch("space", study, f"--gpu-memory={written}")
    assert said.code == 2
    assert "16GB" in said.err


def test_a_limit_that_nothing_meets_is_bad_input(perch, study):
    said = perch("space", study, "--gpu-memory", "100MB")
    assert said.code == 2
    assert "no configuration of the space fits 0.1 GB" in said.err


def test_of_a_class_it_says_what_it_cannot_know(perch, tmp_path):
    (tmp_path / "mine_space.py").write_text("class Mine: pass\n")
    path = tmp_path / "own.yaml"
    path.write_text("trainable: mine_space:Mine\nmetric: loss\nspace: {x: {float: [0, 1]}}\n")
    said = perch("space", path, "--gpu-memory", "16GB")
    assert said.code == 0, said.err
    assert "memory: not known" in said.out
    assert "only a training shows" in said.out
