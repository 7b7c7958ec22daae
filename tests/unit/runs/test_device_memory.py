"""What a run refuses to start, and what it says of that before it begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from perch.errors import StudyError
from perch.memory.limit import Limit
from perch.runs.device_memory import TooLarge, too_large
from perch.study import parse
from perch.trainables import Data, kind_of

SPACE = {"atom_embedding_size": {"int": [8, 100]}, "lr": {"float": [0.01, 0.1]}}


class TenthOfWidth:
    """0.1 GB for each unit of width, give or take a tenth."""

    def bytes(self, config):
        return 1e8 * config["atom_embedding_size"]

    def least_bytes(self, config):
        return 0.9 * self.bytes(config)


PLAIN = TenthOfWidth()


@pytest.fixture
def kind(monkeypatch):
    """The kind of a study whose memory is a tenth of its width; no GPU is here."""
    monkeypatch.setenv("PATH", "/nowhere")

    def make(sized=PLAIN, **changes):
        found = kind_of(parse({"space": SPACE, "points": [], **changes}))
        monkeypatch.setattr(type(found), "sized", lambda self, data: sized)
        return found, Data(None, found.study, Path("cache"))

    return make


def test_only_what_is_too_large_even_at_its_lower_end_is_refused():
    refuses = TooLarge(TenthOfWidth(), Limit(5e9, "resources.gpu_memory"))
    assert refuses({"atom_embedding_size": 50}) is None
    assert refuses({"atom_embedding_size": 55}) is None, "its lower end fits"
    assert refuses({"atom_embedding_size": 60}) == (
        "it needs about 6.0 GB of a GPU, 5.4 GB at least, and a trial may take 5.0 GB (resources.gpu_memory)"
    )


def test_without_a_limit_nothing_is_counted_and_nothing_refused(kind):
    said = []
    assert too_large(*kind(sized=None), said.append) is None
    assert said == []


def test_a_note_says_how_much_of_the_space_is_left_out(kind):
    said = []
    refuses = too_large(*kind(resources={"gpu_memory": "5GB"}), said.append)
    assert refuses is not None
    assert len(said) == 1
    assert "of the space does not fit 5.0 GB" in said[0]


def test_a_space_of_which_nothing_fits_is_bad_input(kind):
    with pytest.raises(StudyError, match=r"no configuration of the space fits 0\.5 GB"):
        too_large(*kind(resources={"gpu_memory": "500MB"}), print)


def test_a_point_that_does_not_fit_is_bad_input(kind):
    with pytest.raises(StudyError, match="a point of the study does not fit"):
        too_large(*kind(resources={"gpu_memory": "5GB"}, points=[{"atom_embedding_size": 90, "lr": 0.02}]), print)


def test_a_limit_that_has_no_use_is_said(kind):
    said = []
    assert too_large(*kind(sized=None, resources={"gpu_memory": "5GB"}), said.append) is None
    assert "is not used" in said[0]
