"""A table as a blackbox of Syne Tune: the six files that ``syne_tune.blackbox_repository.blackbox_tabular.deserialize`` reads.

Salinas et al., Syne Tune (AutoML 2022), https://github.com/syne-tune/syne-tune, version 0.16. Syne Tune itself is not needed here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from perch.atomic import replacing
from perch.dimension import Choice, Dimension, Float
from perch.errors import RecordError
from perch.rehearse.tables.reader import read
from perch.rehearse.tables.table import Table

EPOCH: Final = "hp_epoch"
ELAPSED: Final = "metric_elapsed_time"
"""Cumulative seconds of a trial; Syne Tune's name for it."""
E_BASE: Final = 2.718281828459045


def export(table: Table, folder: Path) -> list[str]:
    """Write the blackbox and say what it holds. Values keep the metric's own sign; from its end on a diverged curve is NaN.

    Objectives have the shape (task, configuration, repeat, epoch, objective), float32; the objectives are the metric and
    cumulative seconds. Raises RecordError for a table without times, or without a configuration that has full curves.
    """
    table.check_times()
    rows = _rows(table)
    values, seconds = _arrays(table, rows)
    folder.mkdir(parents=True, exist_ok=True)
    keys = list(table.space.dimensions)
    configs = [table.configs[c] for c in rows]
    frame = pd.DataFrame([{k: config[k] for k in keys} for config in configs], columns=keys)
    with replacing(folder / "hyperparameters.parquet") as path:
        frame.to_parquet(path, index=False, compression="gzip")
    objectives = np.stack([table.sign * values, seconds], axis=-1)[None].astype(np.float32)
    for name, array in (("objectives_evaluations", objectives), ("fidelities_values", np.arange(1, table.epochs + 1))):
        with replacing(folder / f"{name}.npy") as path, path.open("wb") as file:
            np.save(file, array, allow_pickle=False)
    mode = "min" if table.sign > 0 else "max"
    for name, content in (
        ("configspace", {k: domain(d) for k, d in table.space.dimensions.items()}),
        ("fidelityspace", {EPOCH: _integer(1, table.epochs)}),
        ("metadata", {
            "objectives_names": [table.metric, ELAPSED], "task_names": [table.name], "mode": mode, "fixed": dict(table.space.fixed),
            "where": list(table.space.where),
            "notes": list(table.notes), "made_by": "perch rehearse --export",
        }),
    ):  # fmt: skip
        with replacing(folder / f"{name}.json") as path:
            path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return list(_lines(table, rows, folder))


def export_command(records: Sequence[str], folder: Path, epochs: int | None, epoch_s: float | None) -> list[str]:
    """Read a record as a rehearsal would, and export it."""
    table = read(records).check()
    if epoch_s is not None:
        table = table.lasting(epoch_s)
    return export(table if epochs is None else table.up_to(epochs), folder)


def domain(dimension: Dimension) -> dict[str, Any]:
    """A dimension as Syne Tune's configuration space has it in JSON."""
    if isinstance(dimension, Choice):
        return _domain("Categorical", {"categories": list(dimension.values)}, log=False)
    kind = "Float" if isinstance(dimension, Float) else "Integer"
    return _domain(kind, {"lower": dimension.low, "upper": dimension.high}, log=dimension.log)


def _domain(kind: str, settings: dict[str, Any], *, log: bool) -> dict[str, Any]:
    sampler = {"sampler_cls": "LogUniform", "sampler_kwargs": {"base": E_BASE}} if log else {"sampler_cls": "Uniform", "sampler_kwargs": {}}  # fmt: skip
    return {"domain_cls": kind, "domain_kwargs": settings, **sampler}


def _integer(low: int, high: int) -> dict[str, Any]:
    return _domain("Integer", {"lower": low, "upper": high}, log=False)


def _rows(table: Table) -> dict[int, list[int]]:
    """Rows of each configuration whose fate is known: as many for each as the configuration with the fewest has."""
    rows: dict[int, list[int]] = {}
    for row in table.usable.tolist():
        if table.last[row]:
            rows.setdefault(int(table.config_of[row]), []).append(row)
    if not rows:
        raise RecordError(
            f"'{table.name}' holds nothing to export", why="no curve of it is full", fix="record it: perch record"
        )
    repeats = min(len(found) for found in rows.values())
    return {config: found[:repeats] for config, found in sorted(rows.items())}


def _arrays(table: Table, rows: dict[int, list[int]]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Values and cumulative seconds, (configurations, repeats, epochs). An epoch without a time takes its curve's mean."""
    assert table.seconds is not None
    picked = np.array(list(rows.values()))
    values, seconds = table.values[picked], table.seconds[picked]
    known = np.isfinite(seconds)
    mean = np.where(known, seconds, 0.0).sum(axis=-1, keepdims=True) / np.maximum(known.sum(axis=-1, keepdims=True), 1)
    filled = np.where(known, seconds, np.where(mean > 0, mean, table.epoch_s))
    return values, np.cumsum(filled, axis=-1)


def _lines(table: Table, rows: dict[int, list[int]], folder: Path) -> Iterator[str]:
    repeats = len(next(iter(rows.values())))
    used = sum(len(found) for found in rows.values())
    yield (
        f"written: {folder}/, a blackbox of Syne Tune: {len(rows)} configurations × {repeats} repeat{'s' if repeats != 1 else ''} × "
        f"{table.epochs} epochs of {table.metric} and {ELAPSED}"
    )
    if used < len(table.usable):
        yield f"note: {len(table.usable) - used} further repeats are left out: every configuration of a blackbox has equally many"
    if not np.allclose(table.weights[table.usable], 1.0):
        yield "note: stopped trials stood behind some curves with more than one vote; a blackbox has no weights, so they count once here"
