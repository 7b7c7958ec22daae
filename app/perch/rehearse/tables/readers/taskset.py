"""TaskSet's arrays: ``TASK__valid`` (configurations, steps) validation losses and ``TASK__hp``; no seconds.

Metz et al., Using a thousand optimization tasks (2020), https://arxiv.org/abs/2002.11887
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from perch.rehearse.tables.reader import READERS, Reader, pick
from perch.rehearse.tables.readers.arrays import keys_of, load_arrays, table_of
from perch.rehearse.tables.table import Table


def tasks(path: Path) -> list[str]:
    """Names of the tasks in the file."""
    return sorted(k.removesuffix("__valid") for k in keys_of(path) if k.endswith("__valid"))


def read_taskset(paths: Sequence[Path], part: str | None = None) -> Table:
    """One task's table. The value before any training, its first column, is left out."""
    task = pick(paths[0], tasks(paths[0]), part)
    values, columns, names = load_arrays(paths[0], [f"{task}__valid", f"{task}__hp", "hp_names"])
    return table_of(
        task, [str(n) for n in names], columns.astype(float), values[:, 1:].astype(float), None, "loss", 1.0
    )


READERS.register(
    "taskset",
    Reader("TaskSet's arrays (npz)", lambda p: bool(tasks(p)) and "hp_names" in keys_of(p), read_taskset),
)  # fmt: skip
