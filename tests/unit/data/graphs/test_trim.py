"""A folder of cached things is kept below a size."""

from __future__ import annotations

import os
import time

import pytest

from perch.data.graphs.trim import DRAFT_S, USUAL_GB, most_bytes, trim


@pytest.fixture
def entry(tmp_path):
    """An entry of so many bytes that was used so long ago."""

    def make(name, size, age_s):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "a.npy").write_bytes(b"x" * size)
        os.utime(folder, (time.time() - age_s,) * 2)
        return folder

    return make


def test_what_was_used_longest_ago_goes_first_and_the_newest_stays(tmp_path, entry):
    old, middle, new = entry("old", 400, 300), entry("middle", 400, 200), entry("new", 400, 0)
    assert trim(tmp_path, 900, keep=new) == [old]
    assert (old.exists(), middle.exists(), new.exists()) == (False, True, True)
    assert trim(tmp_path, 100, keep=new) == [middle]
    assert new.exists(), "what was just written is used, whatever its size"


def test_below_the_size_nothing_goes(tmp_path, entry):
    entry("a", 400, 10)
    assert trim(tmp_path, 1000, keep=entry("b", 400, 0)) == []


def test_drafts_of_processes_that_were_killed_go_and_those_being_written_stay(tmp_path, entry):
    dead, young = entry(".dead-1", 10, DRAFT_S + 60), entry(".young-1", 10, 5)
    assert trim(tmp_path, 1000, keep=entry("b", 400, 0)) == [dead]
    assert young.exists()


def test_a_file_that_is_mapped_goes_on_being_read(tmp_path, entry):
    import numpy as np

    folder = entry("mapped", 1, 100)
    np.save(folder / "b.npy", np.arange(50_000))
    mapped = np.load(folder / "b.npy", mmap_mode="c")
    trim(tmp_path, 0, keep=entry("new", 1, 0))
    assert not folder.exists()
    assert int(mapped.sum()) == 49_999 * 25_000


def test_the_size_is_said_by_the_environment(monkeypatch):
    monkeypatch.delenv("PERCH_CACHE_GB", raising=False)
    assert most_bytes() == USUAL_GB * 1e9
    monkeypatch.setenv("PERCH_CACHE_GB", "1.5")
    assert most_bytes() == 1.5e9
    monkeypatch.setenv("PERCH_CACHE_GB", "much")
    assert most_bytes() == USUAL_GB * 1e9
