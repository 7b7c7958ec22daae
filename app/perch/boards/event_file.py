"""TensorBoard's event files, by its own record writer: a file is opened, appended to and closed at every flush.

A record is: length (uint64), masked CRC-32C of the length, the bytes, masked CRC-32C of the bytes; little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

FILE_NAME = "events.out.tfevents.0.perch"
_HEADER = struct.Struct("<QI")


def append(file: Path, records: Iterable[bytes]) -> None:
    """Append records to a file, which is made with its folder if it is not there."""
    from tensorboard.summary.writer.record_writer import RecordWriter

    try:
        handle = file.open("ab")
    except FileNotFoundError:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = file.open("ab")
    with handle:
        writer = RecordWriter(handle)
        for record in records:
            writer.write(record)


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
