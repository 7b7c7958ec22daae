"""LCBench-like arrays: ``TASK__config``, ``TASK__val_accuracy`` in percent, and ``TASK__cumulative_seconds``.

Zimmer et al., Auto-PyTorch Tabular, TPAMI 43 (2021) 3079, https://arxiv.org/abs/2006.13799
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from perch.rehearse.tables.reader import READERS, Reader, pick
from perch.rehearse.tables.readers.arrays import keys_of, load_arrays, table_of
from perch.rehearse.tables.table import Table

LEAST_EPOCH_S = 1e-3
"""Epochs whose cumulative seconds do not grow take this long: a clock that stands would let a trial end at once."""


def tasks(path: Path) -> list[str]:
    """Names of the tasks in the file."""
    return sorted(k.removesuffix("__val_accuracy") for k in keys_of(path) if k.endswith("__val_accuracy"))


def read_lcbench(paths: Sequence[Path], part: str | None = None) -> Table:
    """One data set's table; seconds of an epoch are differences of the cumulative ones."""
    task = pick(paths[0], tasks(paths[0]), part)
    names, columns, accuracy, cumulative = load_arrays(
        paths[0], ["config_names", f"{task}__config", f"{task}__val_accuracy", f"{task}__cumulative_seconds"]
    )
    seconds = np.maximum(np.diff(cumulative.astype(float), axis=1, prepend=0.0), LEAST_EPOCH_S)
    return table_of(
        task, [str(n) for n in names], columns.astype(float), accuracy.astype(float), seconds, "val_accuracy", -1.0
    )


READERS.register(
    "lcbench",
    Reader("LCBench-like arrays (npz)", lambda p: bool(tasks(p)) and "config_names" in keys_of(p), read_lcbench),
)
