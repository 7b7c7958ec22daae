"""TensorBoard's event files, written without a writer: a file is opened, appended to and closed at every flush.

A record is: length (uint64), masked CRC-32C of the length, the bytes, masked CRC-32C of the bytes; little-endian.
The checksums of a whole batch are computed side by side, one table look-up per byte position, so that ten thousand
records cost milliseconds and no compiled library is needed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

FILE_NAME = "events.out.tfevents.0.perch"
_HEADER = struct.Struct("<QI")


def _table() -> np.ndarray[Any, np.dtype[np.uint32]]:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> np.uint32(1)) ^ np.uint32(0x82F63B78), table >> np.uint32(1))
    return table


_CRC = _table()


def masked_crc32c(records: Sequence[bytes]) -> np.ndarray[Any, np.dtype[np.uint32]]:
    """Masked CRC-32C (Castagnoli) of each record, (R,), as TFRecord files define it."""
    lengths = np.array([len(r) for r in records], dtype=np.int64)
    order = np.argsort(-lengths, kind="stable")
    descending = lengths[order]
    padded = np.zeros((len(records), int(descending[0]) if len(records) else 0), dtype=np.uint8)
    for row, index in enumerate(order):
        padded[row, : lengths[index]] = np.frombuffer(records[index], dtype=np.uint8)
    columns = np.ascontiguousarray(padded.T)
    crc = np.full(len(records), 0xFFFFFFFF, dtype=np.uint32)
    alive = len(records)
    for position, column in enumerate(columns):
        while alive and descending[alive - 1] <= position:
            alive -= 1
        part = crc[:alive]
        crc[:alive] = _CRC[(part ^ column[:alive]) & np.uint32(0xFF)] ^ (part >> np.uint32(8))
    crc ^= np.uint32(0xFFFFFFFF)
    masked = ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + np.uint32(0xA282EAD8)
    out = np.empty_like(masked)
    out[order] = masked
    return out


def frame(records: Sequence[bytes]) -> list[bytes]:
    """Each record with its length and checksums around it."""
    lengths = [struct.pack("<Q", len(r)) for r in records]
    heads, tails = masked_crc32c(lengths), masked_crc32c(records)
    return [
        b"".join((length, struct.pack("<I", head), record, struct.pack("<I", tail)))
        for length, head, record, tail in zip(lengths, heads.tolist(), records, tails.tolist(), strict=True)
    ]


def append(file: Path, framed: Sequence[bytes]) -> None:
    """Append framed records to a file, which is made with its folder if it is not there."""
    try:
        handle = file.open("ab")
    except FileNotFoundError:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = file.open("ab")
    with handle:
        handle.write(b"".join(framed))


def repair(file: Path) -> set[bytes]:
    """Cut off what a kill in the middle of a write has left, and return the whole records."""
    if not file.exists():
        return set()
    whole = list(records(file))
    size = sum(len(record) + _HEADER.size + 4 for record in whole)
    if size < file.stat().st_size:
        with file.open("r+b") as handle:
            handle.truncate(size)
    return set(whole)


def records(file: Path) -> Iterator[bytes]:
    """The records of a file without their frames; a torn tail is left out."""
    data = file.read_bytes()
    at = 0
    while at + _HEADER.size <= len(data):
        length, _ = _HEADER.unpack_from(data, at)
        end = at + _HEADER.size + length + 4
        if end > len(data):
            return
        yield data[at + _HEADER.size : end - 4]
        at = end
