"""``resources: {gpus: auto}`` becomes a number before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.runs.test_device_memory import SPACE, TenthOfWidth

from perch.errors import StudyError
from perch.runs.packed import packed
from perch.study import parse
from perch.trainables import Data, kind_of
from perch.view.steps import Silent


@pytest.fixture
def share(monkeypatch):
    """The share that a study's trials get, and what was said; no GPU is here."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)

    def decide(sized=None, **resources):
        kind = kind_of(parse({"space": SPACE, "points": [], "resources": resources}))
        monkeypatch.setattr(type(kind), "sized", lambda self, data: sized)
        said = []
        return packed(kind, Data(None, kind.study, Path("cache")), said.append, Silent()).study.resources, said

    return decide


def test_a_number_stays(share):
    assert share(gpus=0.5)[0].gpus == 0.5
    assert share()[0].gpus is None


def test_memory_decides_where_the_study_says_what_a_gpu_has(share, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "ray://elsewhere")
    resources, said = share(TenthOfWidth(), gpus="auto", gpu_memory="44GB")
    assert resources.gpus == 0.25
    assert said == [
        "note: 4 trials to a GPU: the largest takes 10.0 GB of 44.0 GB; how fast they are side by side has not been measured"
    ]


def test_without_a_gpu_trials_train_on_the_cpu(share):
    resources, said = share(TenthOfWidth(), gpus="auto")
    assert resources.gpus == 0
    assert "no GPU" in said[0]


def test_a_cluster_whose_gpus_are_not_known_is_bad_input(share, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "ray://elsewhere")
    with pytest.raises(StudyError, match="needs to know the memory of a GPU"):
        share(TenthOfWidth(), gpus="auto")


def test_a_trainable_of_which_nothing_is_known_is_bad_input(share):
    with pytest.raises(StudyError, match="needs a network of Perch"):
        share(None, gpus="auto", gpu_memory="16GB")
