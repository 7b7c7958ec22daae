"""An id is an id whatever its type: duplicates of one never lie on two sides of a split, and files of ids find it."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from perch.data.prepare import prepare
from perch.data.reading.names import as_read, name_of
from perch.errors import DataError
from perch.study import DataSpec

CASE = Path(__file__).parents[4].parent / "shared" / "cases" / "11-integer-ids-ignored"
IDS = {
    "words": lambda k: f"s{k}", "whole": str, "real": lambda k: f"{k}.5", "whole real": lambda k: f"{k}.0",
    "leading zeros": lambda k: f"{k:05}", "several": lambda k: f'"{k} {k + 1}"', "booleans": lambda k: "T" if k < 105 else "F",
}  # fmt: skip


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("a", "a"), (7, "7"), (np.int64(7), "7"), (7.0, "7"), (np.float64(7.5), "7.5"), (True, "True"), (np.bool_(False), "False"),
        (np.array([1, 2]), "1 2"), ([1.0, "b"], "1 b"), (None, None), (math.nan, None), (np.float64("nan"), None),
    ],
)  # fmt: skip
def test_one_name_for_one_value(value, name):
    assert name_of(value) == name


@pytest.mark.parametrize(("text", "name"), [("007", "7"), ("7.0", "7"), ("7.5", "7.5"), ("a7", "a7"), ("inf", "inf")])
def test_digits_are_named_as_a_reader_takes_them(text, name):
    assert as_read(text) == name


def write(folder: Path, kind: str, key: str = "id") -> DataSpec:
    """Twenty frames, two of each id."""
    frames = (
        f'2\nLattice="4 0 0 0 4 0 0 0 12" Properties=species:S:1:pos:R:3 {key}={IDS[kind](100 + k // 2)} e={math.sin(k):.5f} '
        f'pbc="T T F"\nCu 0 0 3\nO 0.1 {0.1 + k * 0.01:.3f} 4.9\n'
        for k in range(20)
    )
    (folder / "set.extxyz").write_text("".join(frames), encoding="utf-8")
    return DataSpec(source="extxyz", path="set.extxyz", target="e", adsorbate={"symbols": ["O"]})


@pytest.mark.parametrize("kind", [kind for kind in IDS if kind != "booleans"])
@pytest.mark.parametrize(("key", "group"), [("id", "none"), ("name", "none"), ("id", "id"), ("sample", "sample")])
def test_duplicates_of_an_id_stay_on_one_side(tmp_path, kind, key, group):
    spec = write(tmp_path, kind, key)
    spec = spec.model_copy(update={"split": spec.split.model_copy(update={"group": group})})
    data = prepare(spec, base=tmp_path, cache=tmp_path / "cache")
    (split,) = data.splits
    of = {int(row): side for side in ("train", "validation", "test") for row in getattr(split, side)}
    assert sorted(of) == list(range(20))
    assert all(of[2 * k] == of[2 * k + 1] for k in range(10))


@pytest.mark.parametrize("kind", [kind for kind in IDS if kind not in ("booleans", "several")])
def test_files_of_ids_find_them_as_they_are_written_in_the_data(tmp_path, kind):
    spec = write(tmp_path, kind)
    for side, ids in (("train", range(100, 106)), ("validation", range(106, 108)), ("test", range(108, 110))):
        (tmp_path / f"{side}.txt").write_text("".join(f"{IDS[kind](i)}\n" for i in ids), encoding="utf-8")
    files = {side: f"{side}.txt" for side in ("train", "validation", "test")}
    spec = DataSpec.model_validate({**spec.model_dump(), "split": {"files": files}})
    (split,) = prepare(spec, base=tmp_path, cache=tmp_path / "cache").splits
    assert (split.train.tolist(), split.test.tolist()) == (list(range(12)), [16, 17, 18, 19])


def test_booleans_group_into_two(tmp_path):
    spec = write(tmp_path, "booleans", "relaxed")
    spec = spec.model_copy(update={"split": spec.split.model_copy(update={"group": "relaxed"})})
    with pytest.raises(DataError, match="the split leaves"):
        prepare(spec, base=tmp_path, cache=tmp_path / "cache")
    chosen = spec.model_copy(update={"select": "relaxed = T", "split": spec.split.model_copy(update={"group": "none"})})
    assert len(prepare(chosen, base=tmp_path, cache=tmp_path / "cache")) == 10


@pytest.mark.skipif(not CASE.is_dir(), reason="../shared is not there")
@pytest.mark.parametrize("name", ["words", "numbers"])
def test_the_case_of_whole_numbers(tmp_path, name):
    for file in CASE.iterdir():
        shutil.copy(file, tmp_path)
    spec = DataSpec(
        source="extxyz", path=f"{name}.extxyz", target="e", split={"group": "none"}, adsorbate={"symbols": ["O"]}
    )
    (split,) = prepare(spec, base=tmp_path, cache=tmp_path / "cache").splits
    sides = [{int(row) // 2 for row in rows} for rows in (split.train, split.validation, split.test)]
    assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])
    if name == "numbers":
        files = {side: f"{side}.txt" for side in ("train", "validation", "test")}
        spec = DataSpec.model_validate({**spec.model_dump(), "split": {"files": files}})
        (split,) = prepare(spec, base=tmp_path, cache=tmp_path / "cache").splits
        assert (len(split.train), len(split.validation), len(split.test)) == (12, 4, 4)
