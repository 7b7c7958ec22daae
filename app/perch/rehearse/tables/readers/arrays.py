"""Arrays of public tables, as they are: the space is read off the configurations, and curves keep their gaps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perch.dimension import Choice, Dimension, Float, Int
from perch.errors import RecordError
from perch.rehearse.tables.table import COMPLETED, DIVERGED, Recorded, Table, group_configs
from perch.space import Space

Array = NDArray[np.float64]

WIDE = 100.0
"""A positive column whose largest value is this many times its smallest is taken as logarithmic."""


def keys_of(path: Path) -> tuple[str, ...]:
    """Names of the arrays in an npz file; nothing for anything else."""
    if path.suffix != ".npz" or not path.is_file():
        return ()
    with np.load(path, allow_pickle=False) as arrays:
        return tuple(arrays.files)


def load_arrays(path: Path, names: Sequence[str]) -> list[NDArray[Any]]:
    """Arrays of an npz file by name. Raises RecordError."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return [arrays[name] for name in names]
    except (OSError, ValueError, KeyError) as error:
        raise RecordError(f"cannot read '{path}'", why=str(error), fix="fetch the file anew") from error


def space_of(names: Sequence[str], columns: Array) -> Space:
    """The box that the configurations fill: whole numbers, or real ones; logarithmic where they are spread like that."""
    dimensions: dict[str, Dimension] = {}
    fixed: dict[str, Any] = {}
    for name, column in zip(names, columns.T, strict=True):
        low, high = float(column.min()), float(column.max())
        log = low > 0 and high / low >= WIDE
        if low == high:
            fixed[name] = low
        elif np.array_equal(column, np.round(column)):
            few = np.unique(column)
            dimensions[name] = Int(int(low), int(high), log) if len(few) > 2 else Choice(tuple(int(v) for v in few))
        else:
            dimensions[name] = Float(low, high, log)
    return Space(dimensions, fixed)


def configs_of(space: Space, names: Sequence[str], columns: Array) -> list[dict[str, Any]]:
    """Configurations as a study has them: whole numbers as such."""
    whole = {k for k, d in space.dimensions.items() if not isinstance(d, Float)}
    return [
        {n: int(v) if n in whole else float(v) for n, v in zip(names, row, strict=True)} for row in columns.tolist()
    ]


def table_of(
    name: str, names: Sequence[str], columns: Array, values: Array, seconds: Array | None, metric: str, sign: float,
    notes: Sequence[str] = (),
) -> Table:  # fmt: skip
    """A table of curves in the metric's own sign. From its first gap on a curve has diverged: kept as such."""
    gone = ~np.isfinite(values)
    ended = np.logical_or.accumulate(gone, axis=1)
    space = space_of(names, columns)
    distinct, config_of = group_configs(space, configs_of(space, names, columns))
    fates = tuple(DIVERGED if e else COMPLETED for e in ended[:, -1])
    return Table(
        name=name, space=space, configs=distinct, config_of=config_of, values=np.where(ended, np.nan, sign * values),
        seconds=seconds, fates=fates, weights=np.ones(len(values)), metric=metric, sign=sign, recorded=Recorded(),
        notes=("the space is read off the configurations", *notes),
    )  # fmt: skip
