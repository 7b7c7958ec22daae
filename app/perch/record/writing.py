"""Tables to files: Parquet and JSON, each written as a whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perch.atomic import replacing
from perch.log.events import read
from perch.log.folder import RunFolder
from perch.record.columns import CONFIG, array, configs
from perch.record.curves import CHUNK_ROWS
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
    _parquet(folder.curves, tables.curves.tables() if tables.curves.rows else [_table(EMPTY_CURVES)])
    _parquet(folder.trials, _trials(tables))
    overheads = tables.overhead_rows()
    _parquet(folder.overheads, [_table({name: [row[name] for row in overheads] for name in overheads[0]})])
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


EMPTY_CURVES: dict[str, list[Any]] = {
    name: []
    for name in (
        "trial_id", "segment", "epoch", "time_s", "epoch_s", "train_mae_ev", "validation_mae_ev", "test_mae_ev", "lr",
        "device", "peak_memory_bytes", "value", "attempt", "phase", "config", "parent_trial_id", "parent_segment",
        "parent_epoch",
    )
}  # fmt: skip


def _trials(tables: Tables) -> Iterator[pa.Table]:
    """The rows of ``trials.parquet``, some at a time: as Python values all of a large run's would take a gigabyte."""
    import pyarrow as pa

    trials = list(tables.trials.values())
    names = tables.trial_columns
    kept = configs([trial.best_config or trial.config for trial in trials])
    for first in range(0, max(len(trials), 1), CHUNK_ROWS):
        rows = [tables.trial_row(trial) for trial in trials[first : first + CHUNK_ROWS]]
        columns = {name: array(name, [row.get(name) for row in rows]) for name in names if name != CONFIG}
        columns[CONFIG] = kept[first : first + CHUNK_ROWS]
        yield pa.table({name: columns[name] for name in names})


def _table(columns: dict[str, list[Any]]) -> pa.Table:
    import pyarrow as pa

    return pa.table({name: array(name, values) for name, values in columns.items()})


def _parquet(path: Path, tables: Iterable[pa.Table]) -> None:
    """Write tables of the same columns one after the other; at least one."""
    import pyarrow.parquet as pq

    with replacing(path) as temporary:
        writer = None
        try:
            for table in tables:
                writer = writer or pq.ParquetWriter(temporary, table.schema, compression="zstd")
                writer.write_table(table)
        finally:
            if writer is not None:
                writer.close()
