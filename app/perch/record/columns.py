"""Columns of tables as Arrow arrays: a column's kind follows from its name, so that the tables of all runs are alike."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pyarrow as pa

CONFIG: Final = "config"
TEXT: Final = frozenset({
    "trial_id", "phase", "status", "failure", "error", "by", "confirms", "device", "parent_trial_id", "activity", "last_loss",
})  # fmt: skip
WHOLE: Final = frozenset({
    "segment", "epoch", "attempt", "parent_segment", "parent_epoch", "epochs", "best_epoch", "best_segment", "rung",
    "bracket", "redone_epochs", "ordinal", "seen", "segments", "repeat", "peak_memory_bytes", "losses",
})  # fmt: skip


def array(name: str, values: Sequence[Any]) -> pa.Array:
    """Values of the column of that name, None where there is none."""
    import pyarrow as pa

    if name == CONFIG:
        return configs(values)
    if name in ("collapsed", "kept"):
        return pa.array(values, pa.bool_())
    if name in TEXT:
        return pa.array(values, pa.string())
    if name in WHOLE:
        return pa.array([None if v is None else int(v) for v in values], pa.int64())
    return pa.array([None if v is None else float(v) for v in values], pa.float64())


def configs(values: Sequence[Any]) -> pa.Array:
    """Configurations as a struct; a key whose values are of mixed kinds becomes text."""
    import pyarrow as pa

    names: dict[str, None] = {}
    for config in values:
        names.update(dict.fromkeys(config or {}))
    if not names:
        return pa.nulls(len(values))  # Parquet has no struct without fields
    arrays = []
    for name in names:
        column = [(config or {}).get(name) for config in values]
        kinds = {type(v) for v in column if v is not None}
        if kinds <= {int, float} and len(kinds) == 2:
            column = [None if v is None else float(v) for v in column]
        elif len(kinds) > 1 or kinds & {dict, list}:
            column = [None if v is None else json.dumps(v) for v in column]
        arrays.append(pa.array(column))
    return pa.StructArray.from_arrays(arrays, names=list(names))
