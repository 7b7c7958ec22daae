"""Who trains, who decides, who is only recorded: random, grouped, k folds, files of ids, further test sets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from perch.data.graphs.graph import IntArray, Split
from perch.data.reading.adsorbate import listed
from perch.data.reading.names import as_read
from perch.errors import DataError
from perch.home import expanded

if TYPE_CHECKING:
    from perch.study import SplitSpec


def make_splits(spec: SplitSpec, groups: Sequence[str], ids: Sequence[str], base: Path) -> tuple[Split, ...]:
    """One split, or one per fold. The same settings and data give the same rows, on every machine.

    Further test sets are taken out first; no group that they hold is trained or judged on.
    """
    tests = {name: _rows(base, file, ids, f"split.tests.{name}") for name, file in spec.tests.items()}
    if spec.files is not None:
        return (_from_files(spec, ids, groups, base, tests),)
    taken = {groups[row] for rows in tests.values() for row in rows}
    free = np.array([row for row, group in enumerate(groups) if group not in taken], dtype=np.int64)
    names = [groups[row] for row in free]
    if spec.folds is not None:
        return _folds(spec, free, names, tests)
    train, validation, test = _divide(names, [spec.train, spec.validation, spec.test], spec.seed)
    split = Split(free[train], free[validation], free[test], tests)
    _check(split, need_test=spec.test > 0)
    return (split,)


def _divide(groups: Sequence[str], shares: Sequence[float], seed: int) -> list[IntArray]:
    """Rows per share: groups in an order drawn by the seed, each to the share that lacks most."""
    members: dict[str, list[int]] = {}
    for row, group in enumerate(groups):
        members.setdefault(group, []).append(row)
    names = sorted(members)
    order = np.random.default_rng((seed, 0x5_9117)).permutation(len(names))
    goal = np.array(shares) * len(groups)
    parts: list[list[int]] = [[] for _share in shares]
    for k in order:
        lack = [goal[p] - len(parts[p]) if goal[p] > 0 else -np.inf for p in range(len(shares))]
        parts[int(np.argmax(lack))].extend(members[names[k]])
    _fill_empty(parts, goal, groups)
    return [np.array(sorted(part), dtype=np.int64) for part in parts]


def _fill_empty(parts: list[list[int]], goal: npt.NDArray[np.float64], groups: Sequence[str]) -> None:
    """With few groups a small share may get none: it takes the smallest group of the part that has most of them."""
    for p, part in enumerate(parts):
        if part or goal[p] == 0:
            continue
        names = [Counter(groups[row] for row in other) for other in parts]
        richest = max(range(len(parts)), key=lambda q: len(names[q]))
        if len(names[richest]) < 2:
            continue
        given = min(sorted(names[richest]), key=lambda name: names[richest][name])
        part.extend(row for row in parts[richest] if groups[row] == given)
        parts[richest] = [row for row in parts[richest] if groups[row] != given]


def _folds(spec: SplitSpec, free: IntArray, groups: Sequence[str], tests: dict[str, IntArray]) -> tuple[Split, ...]:
    """Fold k is tested on part k, judged on the next part, trained on the others: every structure is each once."""
    count = spec.folds or 0
    if count < 3:
        raise DataError(
            f"data.split.folds is {count}",
            why="each fold tests on one part, validates on the next and trains on the rest, so it takes three",
            fix="set folds to 3 or more (5 is usual)",
        )
    if len(set(groups)) < count:
        raise DataError(
            f"{count} folds need at least {count} groups, and the data have {len(set(groups))}",
            why=f"group '{spec.group}' never lies on both sides of a split",
            fix="ask for fewer folds, or group by something finer",
        )
    parts = [free[part] for part in _divide(groups, [1 / count] * count, spec.seed)]
    splits = []
    for k in range(count):
        rest = [parts[p] for p in range(count) if p not in (k, (k + 1) % count)]
        splits.append(Split(np.sort(np.concatenate(rest)), parts[(k + 1) % count], parts[k], tests))
        _check(splits[-1], need_test=True)
    return tuple(splits)


def _from_files(
    spec: SplitSpec, ids: Sequence[str], groups: Sequence[str], base: Path, tests: dict[str, IntArray]
) -> Split:
    assert spec.files is not None
    none = np.array([], dtype=np.int64)
    rows = {name: _rows(base, file, ids, f"split.files.{name}") for name, file in spec.files.items()}
    split = Split(rows.get("train", none), rows.get("validation", none), rows.get("test", none), tests)
    _check(split, need_test="test" in spec.files)
    return split


def _rows(base: Path, file: str, ids: Sequence[str], key: str) -> IntArray:
    """Rows of the ids that a file names, one per line (empty lines and # comments apart)."""
    path = base / expanded(file)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"data.{key}: cannot read '{file}'", why=str(error), fix="give a text file with an id per line"
        ) from error
    wanted = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    places: dict[str, list[int]] = {}
    for row, name in enumerate(ids):
        places.setdefault(name, []).append(row)
    wanted = [name if name in places else as_read(name) for name in wanted]
    unknown = [name for name in wanted if name not in places]
    if unknown:
        raise DataError(
            f"data.{key}: {len(unknown)} of {len(wanted)} ids in '{file}' are not in the data: {listed(unknown)}",
            why=f"ids of the data look like {listed(list(ids), 3)}",
            fix="correct the ids, or data.select",
        )
    return np.array(sorted({row for name in wanted for row in places[name]}), dtype=np.int64)


def _check(split: Split, need_test: bool) -> None:
    """No side is empty, and no row lies on two sides."""
    sides = {"train": split.train, "validation": split.validation}
    if need_test:
        sides["test"] = split.test
    sizes = ", ".join(f"{name} {len(rows)}" for name, rows in sides.items())
    for name, rows in {**sides, **{f"tests.{n}": r for n, r in split.tests.items()}}.items():
        if not len(rows):
            raise DataError(
                f"the split leaves {name} empty",
                why=f"structures per side: {sizes}; a group is never divided",
                fix="change the shares, group by something finer (data.split.group), or add structures",
            )
    for name, rows in {"validation": split.validation, "test": split.test, **split.tests}.items():
        both = np.intersect1d(split.train, rows)
        if len(both):
            raise DataError(
                f"{len(both)} structures are both in train and in {name}",
                why="an error on structures that were trained on means nothing",
                fix="take them out of one of the files",
            )
    both = np.intersect1d(split.validation, split.test)
    if len(both):
        raise DataError(
            f"{len(both)} structures are both in validation and in test",
            why="what chose the configuration cannot also judge it",
            fix="take them out of one of the files",
        )
