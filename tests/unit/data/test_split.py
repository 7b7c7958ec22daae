"""Who trains and who judges: nothing lies on both sides."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from perch.data.graphs.graph import Split
from perch.data.split import make_splits
from perch.errors import DataError
from perch.study import SplitSpec

HERE = Path()


def sides(split: Split) -> list[set[int]]:
    return [set(rows.tolist()) for rows in (split.train, split.validation, split.test, *split.tests.values())]


@given(st.lists(st.sampled_from("abcdefghijkl"), min_size=30, max_size=200), st.integers(0, 5))
@settings(deadline=None)
def test_a_group_is_never_divided(groups: list[str], seed: int) -> None:
    assume(len(set(groups)) >= 6)
    ids = [str(n) for n in range(len(groups))]
    (split,) = make_splits(SplitSpec(seed=seed, train=0.5, validation=0.25, test=0.25), groups, ids, HERE)
    parts = sides(split)
    assert sorted(row for part in parts for row in part) == list(range(len(groups)))
    names = [{groups[row] for row in part} for part in parts]
    assert not (names[0] & names[1] or names[0] & names[2] or names[1] & names[2])


def test_shares_are_kept_when_groups_are_small() -> None:
    ids = [str(n) for n in range(1000)]
    (split,) = make_splits(SplitSpec(train=0.6, validation=0.3, test=0.1), ids, ids, HERE)
    assert [len(part) for part in sides(split)] == [600, 300, 100]


def test_the_seed_alone_decides() -> None:
    ids = [str(n) for n in range(100)]
    first, again, other = (make_splits(SplitSpec(seed=s), ids, ids, HERE)[0] for s in (1, 1, 2))
    assert np.array_equal(first.train, again.train)
    assert not np.array_equal(first.train, other.train)


def test_the_order_of_the_data_does_not_matter_to_groups() -> None:
    groups = [f"g{n // 10}" for n in range(200)]
    ids = [str(n) for n in range(200)]
    (split,) = make_splits(SplitSpec(), groups, ids, HERE)
    (reverse,) = make_splits(SplitSpec(), groups[::-1], ids[::-1], HERE)
    assert {groups[k] for k in split.test} == {groups[::-1][k] for k in reverse.test}


@given(st.integers(3, 6), st.lists(st.sampled_from("abcdefghij"), min_size=40, max_size=80))
@settings(deadline=None)
def test_folds_test_and_validate_every_structure_once(count: int, groups: list[str]) -> None:
    assume(len(set(groups)) >= 2 * count)
    splits = make_splits(SplitSpec(folds=count), groups, [str(n) for n in range(len(groups))], HERE)
    assert len(splits) == count
    for side in ("validation", "test"):
        assert sorted(row for split in splits for row in getattr(split, side)) == list(range(len(groups)))
    for split in splits:
        train, validation, test = sides(split)
        assert len(train | validation | test) == len(groups) == len(train) + len(validation) + len(test)
        assert not {groups[r] for r in train} & {groups[r] for r in validation | test}


@pytest.mark.parametrize(("folds", "what"), [(2, "folds is 2"), (8, "8 folds need at least 8 groups")])
def test_folds_that_cannot_be(folds: int, what: str) -> None:
    with pytest.raises(DataError, match=what):
        make_splits(SplitSpec(folds=folds), list("aabbccdd"), list("12345678"), HERE)


def test_a_side_that_stays_empty_is_refused() -> None:
    with pytest.raises(DataError, match=r"leaves (test|validation) empty"):
        make_splits(SplitSpec(), list("aaaabbbb"), list("12345678"), HERE)


@pytest.mark.parametrize("seed", range(5))
def test_three_groups_are_enough_for_three_sides(seed: int) -> None:
    (split,) = make_splits(SplitSpec(seed=seed), list("aaaaaabbcc"), list("0123456789"), HERE)
    assert [len(part) > 0 for part in sides(split)] == [True] * 3


def test_no_test_set_is_fine_when_none_is_asked_for() -> None:
    (split,) = make_splits(SplitSpec(train=0.8, validation=0.2, test=0), list("abcdefghij"), list("0123456789"), HERE)
    assert len(split.test) == 0


class TestFiles:
    ids = ("s0", "s1", "s2", "s3", "s4", "s5")
    groups = ("a", "a", "b", "b", "c", "c")

    def write(self, folder: Path, **files: str) -> dict[str, str]:
        for name, text in files.items():
            (folder / f"{name}.txt").write_text(text, encoding="utf-8")
        return {name: f"{name}.txt" for name in files}

    def test_ids_per_line_comments_apart(self, tmp_path: Path) -> None:
        files = self.write(tmp_path, train="# mine\ns0\n s2 \n\n", validation="s4\ns5\n", test="s1")
        (split,) = make_splits(SplitSpec(files=files), self.groups, self.ids, tmp_path)
        assert sides(split) == [{0, 2}, {4, 5}, {1}]

    def test_an_unknown_id_is_named(self, tmp_path: Path) -> None:
        files = self.write(tmp_path, train="s0\ns9\n", validation="s4\n", test="s1")
        with pytest.raises(DataError, match=r"1 of 2 ids in 'train\.txt' are not in the data: s9"):
            make_splits(SplitSpec(files=files), self.groups, self.ids, tmp_path)

    @pytest.mark.parametrize(
        ("files", "what"),
        [
            ({"train": "s0\ns1\n", "validation": "s1\n"}, "both in train and in validation"),
            ({"train": "s0\n", "validation": "s1\n", "test": "s1\n"}, "both in validation and in test"),
            ({"train": "s0\n", "validation": "\n"}, "leaves validation empty"),
            ({"train": "s0\n"}, "leaves validation empty"),
        ],
    )
    def test_sides_that_overlap_or_are_empty(self, tmp_path: Path, files: dict[str, str], what: str) -> None:
        with pytest.raises(DataError, match=what):
            make_splits(SplitSpec(files=self.write(tmp_path, **files)), self.groups, self.ids, tmp_path)

    def test_further_test_sets_take_their_groups_out_of_training(self, tmp_path: Path) -> None:
        tests = self.write(tmp_path, far="s0\n", near="s2\ns3\n")
        groups = ("a", "a", "b", "b", *"cdefghijklmnop")
        ids = tuple(f"s{n}" for n in range(len(groups)))
        (split,) = make_splits(SplitSpec(tests=tests), groups, ids, tmp_path)
        assert {name: rows.tolist() for name, rows in split.tests.items()} == {"far": [0], "near": [2, 3]}
        used = Counter(groups[row] for rows in (split.train, split.validation, split.test) for row in rows)
        assert not used.keys() & {"a", "b"}

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"cannot read 'none\.txt'"):
            make_splits(SplitSpec(tests={"far": "none.txt"}), self.groups, self.ids, tmp_path)
