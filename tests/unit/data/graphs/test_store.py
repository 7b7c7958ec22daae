"""Arrays in a folder: there or not there, whoever writes."""

from __future__ import annotations

import multiprocessing
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from perch.data.graphs import store


def test_what_is_written_is_read(tmp_path: Path) -> None:
    arrays = {"large": np.arange(40_000.0), "small": np.array([True, False]), "none": np.array([], dtype=np.int64)}
    store.write(tmp_path / "set", arrays, {"ids": ["ä", "b c"]})
    found = store.read(tmp_path / "set")
    assert found is not None
    assert found.meta == {"ids": ["ä", "b c"]}
    for name, array in arrays.items():
        assert np.array_equal(found.arrays[name], array)
        assert found.arrays[name].dtype == array.dtype


def test_large_arrays_are_mapped_and_cannot_be_spoiled(tmp_path: Path) -> None:
    store.write(tmp_path / "set", {"a": np.zeros(40_000)}, {})
    first = store.read(tmp_path / "set")
    assert first is not None
    assert isinstance(first.arrays["a"], np.memmap)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch.from_numpy(first.arrays["a"])[0] = 7.0
    again = store.read(tmp_path / "set")
    assert again is not None
    assert again.arrays["a"][0] == 0.0


def test_nothing_is_half_there(tmp_path: Path) -> None:
    class Bomb(dict):  # type: ignore[type-arg]
        def items(self) -> object:
            yield "a", np.zeros(3)
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        store.write(tmp_path / "set", Bomb(), {})
    assert list(tmp_path.iterdir()) == []
    assert store.read(tmp_path / "set") is None


@pytest.mark.parametrize("damage", ["meta.json", "a.npy"])
@pytest.mark.parametrize("how", ["gone", "cut"])
def test_a_damaged_set_is_not_there_and_is_replaced(tmp_path: Path, damage: str, how: str) -> None:
    store.write(tmp_path / "set", {"a": np.arange(20_000.0)}, {})
    file = tmp_path / "set" / damage
    if how == "gone":
        file.unlink()
    else:
        os.truncate(file, file.stat().st_size // 2)
    assert store.read(tmp_path / "set") is None
    store.write(tmp_path / "set", {"a": np.arange(3.0)}, {})
    found = store.read(tmp_path / "set")
    assert found is not None
    assert found.arrays["a"].tolist() == [0, 1, 2]


def test_objects_are_neither_written_nor_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"pickle|Object"):
        store.write(tmp_path / "set", {"a": np.array([{}], dtype=object)}, {})
    store.write(tmp_path / "set", {"a": np.arange(3)}, {})
    np.save(tmp_path / "set" / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    assert store.read(tmp_path / "set") is None


def _write_and_read(folder: str, number: int) -> bool:
    path = Path(folder) / "set"
    store.write(path, {"a": np.full(50_000, 3.0)}, {"n": 1})
    found = store.read(path)
    return found is not None and bool((found.arrays["a"] == 3.0).all())


def test_several_processes_write_at_once(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert all(pool.starmap(_write_and_read, [(str(tmp_path), n) for n in range(12)]))
    assert [f.name for f in tmp_path.iterdir()] == ["set"]


def test_where_the_cache_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERCH_CACHE", str(tmp_path / "mine"))
    assert store.default_cache() == tmp_path / "mine"
    monkeypatch.delenv("PERCH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert store.default_cache() == tmp_path / "perch"


def test_a_home_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PERCH_CACHE", raising=False)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    spare = store.default_cache()
    assert spare.parent == tmp_path
    assert spare.stat().st_mode & 0o077 == 0
