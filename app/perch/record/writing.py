"""Tables to files: Parquet and JSON, each written as a whole or not at all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from perch.atomic import replacing
from perch.log.events import read
from perch.log.folder import RunFolder
from perch.record.summary import summary
from perch.record.tables import Tables

if TYPE_CHECKING:
    import pyarrow as pa

    from perch.study import Study


def write(folder: RunFolder, tables: Tables | None = None, study: Study | None = None) -> dict[str, Any]:
    """Write all tables and the summary of a run from its log; returns the summary."""
    from perch.log.study_file import load_study

    study = study or load_study(folder)
    tables = tables or _tables(folder, study)
    _parquet(folder.curves, _columns(tables))
    _parquet(folder.trials, {**{name: [] for name in tables.trial_columns}, **_by_column(tables.trial_rows())})
    _parquet(folder.overheads, _by_column(tables.overhead_rows()))
    return _summary(folder, study, tables)


def write_summary(folder: RunFolder) -> dict[str, Any]:
    """Write the summary alone, from the log: a few kilobytes, where a disk has room for no more."""
    from perch.log.study_file import load_study

    study = load_study(folder)
    return _summary(folder, study, _tables(folder, study))


def _tables(folder: RunFolder, study: Study) -> Tables:
    tables = Tables(study.mode, study.epochs)
    for event in read(folder.events):
        tables.apply(event)
    return tables


def _summary(folder: RunFolder, study: Study, tables: Tables) -> dict[str, Any]:
    result = summary(folder.id, study, tables)
    with replacing(folder.summary) as path:
        path.write_text(json.dumps(result, indent=1, ensure_ascii=False), encoding="utf-8")
    return result


def _columns(tables: Tables) -> dict[str, list[Any]]:
    rows = tables.rows
    return {k: [*v, *[None] * (rows - len(v))] for k, v in tables.curves.items()} if rows else dict(EMPTY_CURVES)


EMPTY_CURVES: dict[str, list[Any]] = {
    name: []
    for name in (
        "trial_id", "segment", "epoch", "time_s", "epoch_s", "train_mae_ev", "validation_mae_ev", "test_mae_ev", "lr",
        "device", "peak_memory_bytes", "value", "attempt", "phase", "config", "parent_trial_id", "parent_segment",
        "parent_epoch",
    )
}  # fmt: skip


def _by_column(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    names: dict[str, None] = {}
    for row in rows:
        names.update(dict.fromkeys(row))
    return {name: [row.get(name) for row in rows] for name in names}


def _parquet(path: Any, columns: dict[str, list[Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({name: _array(name, values) for name, values in columns.items()})
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


TEXT = frozenset(
    {
        "trial_id",
        "phase",
        "status",
        "failure",
        "error",
        "by",
        "confirms",
        "device",
        "parent_trial_id",
        "activity",
        "last_loss",
    }
)
WHOLE = frozenset({
    "segment", "epoch", "attempt", "parent_segment", "parent_epoch", "epochs", "best_epoch", "best_segment", "rung",
    "bracket", "redone_epochs", "ordinal", "seen", "segments", "repeat", "peak_memory_bytes", "losses",
})  # fmt: skip


def _array(name: str, values: list[Any]) -> pa.Array:
    import pyarrow as pa

    if name == "config":
        return _configs(values)
    if name == "collapsed":
        return pa.array(values, pa.bool_())
    if name in TEXT:
        return pa.array(values, pa.string())
    if name in WHOLE:
        return pa.array([None if v is None else int(v) for v in values], pa.int64())
    return pa.array([None if v is None else float(v) for v in values], pa.float64())


def _configs(values: list[Any]) -> pa.Array:
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
