"""The rows of ``curves.parquet`` as they come: the last ones as Python values, all earlier ones as Arrow arrays.

A row of Python values takes some 400 bytes, as Arrow arrays some 110, and its values are converted once, not each time that the
table is written. A configuration is kept once per segment of a trial, whatever the number of its epochs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from perch.record.columns import CONFIG, TEXT, array, configs

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK_ROWS: Final = 20_000
"""Rows that are converted at a time; a row group of the file."""


class Curves:
    """See the module. ``rows``: how many there are; ``devices``: rows by the device that they name."""

    def __init__(self) -> None:
        self.rows = 0
        self.devices: Counter[str] = Counter()
        self._names: dict[str, None] = {}
        self._open: list[dict[str, Any]] = []
        self._chunks: list[dict[str, pa.Array]] = []
        self._configs: list[Mapping[str, Any]] = []
        self._number: dict[int, int] = {}
        """Identity of a configuration → its place in ``_configs``, which keeps it alive."""

    def add(self, row: dict[str, Any]) -> None:
        """Add a row; ``config`` is the same object in all rows of a segment."""
        config = row[CONFIG]
        number = self._number.get(id(config))
        if number is None:
            number = self._number[id(config)] = len(self._configs)
            self._configs.append(config)
        self._names.update(dict.fromkeys(row))
        if row.get("device"):
            self.devices[row["device"]] += 1
        self._open.append({**row, CONFIG: number})
        self.rows += 1
        if len(self._open) >= CHUNK_ROWS:
            self._chunks.append(_frozen(self._open))
            self._open = []

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def tables(self) -> Iterator[pa.Table]:
        """The rows in order, some at a time; all tables have the same columns."""
        import pyarrow as pa

        kept = configs(self._configs)
        chunks = [*self._chunks, *([_frozen(self._open)] if self._open else [])]
        for chunk in chunks:
            rows = len(chunk[CONFIG])
            arrays = [_thawed(name, chunk.get(name), rows, kept) for name in self._names]
            yield pa.table(arrays, names=list(self._names))


def _frozen(rows: list[dict[str, Any]]) -> dict[str, pa.Array]:
    import pyarrow as pa

    names: dict[str, None] = {}
    for row in rows:
        names.update(dict.fromkeys(row))
    arrays = {name: array(name, [row.get(name) for row in rows]) for name in names if name != CONFIG}
    packed = {name: a.dictionary_encode() if name in TEXT else a for name, a in arrays.items()}
    return {**packed, CONFIG: pa.array([row[CONFIG] for row in rows], pa.int32())}


def _thawed(name: str, packed: pa.Array | None, rows: int, kept: pa.Array) -> pa.Array:
    import pyarrow as pa

    if packed is None:
        return pa.nulls(rows, array(name, []).type)
    if name == CONFIG:
        return kept.take(packed)
    return packed.dictionary_decode() if name in TEXT else packed
