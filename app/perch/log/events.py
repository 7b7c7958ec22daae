"""The event log: the only truth about a run, one append-only JSON-lines file per attempt.

An attempt (a start or resume of the command) first records, in its own file, how many bytes it accepts of each earlier
one. What an earlier attempt that still runs writes lies beyond them and is ignored; a line that a kill has torn is not
accepted either. No file locks: shared file systems do not keep them.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from perch.errors import RecordError

Event = dict[str, Any]

SYNC_EVERY_S = 1.0
"""Data are synced to the disk at least this often while events come in (the contract allows 5 s)."""

BLOCK_BYTES = 1 << 20
"""So much of a file is read and parsed at a time: parsed, events take ten times the memory of their lines."""

RESERVE_BYTES = 64 * 1024
"""Room held for the last event and the summary of an attempt on a full disk."""


def attempts(events: Path) -> list[int]:
    """Numbers of the attempts whose files lie in ``RUN/events``."""
    return sorted(int(f.stem) for f in events.glob("*.jsonl") if f.stem.isdigit())


def accepted(events: Path) -> dict[int, int]:
    """Attempt → bytes of its file that count; the newest counts up to its last whole line."""
    for number, began in _beginnings(events, attempts(events)[::-1]):
        sizes = {int(k): int(v) for k, v in began["accepts_bytes"].items()}
        return {**sizes, number: _whole_bytes(file_of(events, number))}
    return {}


def file_of(events: Path, attempt: int) -> Path:
    """Path of an attempt's file."""
    return events / f"{attempt:03d}.jsonl"


def read(events: Path, sizes: dict[int, int] | None = None) -> Iterator[Event]:
    """All events that count, oldest first; ``sizes``: those that an attempt has accepted, whatever came since."""
    for attempt, size in sorted((accepted(events) if sizes is None else sizes).items()):
        for block, _end in blocks(file_of(events, attempt), 0, size):
            yield from block


def first_event(events: Path) -> Event | None:
    """The event with which a run's first attempt began; None where there is none."""
    return next((began for _, began in _beginnings(events, attempts(events))), None)


def last_attempt(events: Path) -> Event | None:
    """The event with which the newest attempt that counts began; None where there is none."""
    return next((began for _, began in _beginnings(events, attempts(events)[::-1])), None)


def _beginnings(events: Path, numbers: list[int]) -> Iterator[tuple[int, Event]]:
    """First lines of these attempts' files, one by one, without those that were killed before theirs was written."""
    for number in numbers:
        with file_of(events, number).open("rb") as file:
            line = file.readline()
        if line.endswith(b"\n"):
            yield number, json.loads(line)


def last_event(events: Path, kinds: Collection[str]) -> Event | None:
    """The newest event of one of these kinds, ``attempt`` among them: found from the end, and only lines that hold the word are parsed."""
    sizes = accepted(events)
    if not sizes:
        return None
    newest = max(sizes)
    path, words = file_of(events, newest), [json.dumps(kind).encode() for kind in kinds]
    with path.open("rb") as file:
        end = sizes[newest]
        rest = b""
        while end > 0:
            step = min(end, BLOCK_BYTES)
            file.seek(end - step)
            data = file.read(step) + rest
            end -= step
            rest, _, whole = data.partition(b"\n") if end > 0 else (b"", b"", data)
            if not any(word in whole for word in words):
                continue
            for line in reversed(whole.split(b"\n")):
                if any(word in line for word in words) and (event := _parsed(line, path, end))["e"] in kinds:
                    return event
    return None


def blocks(path: Path, start: int, end: int) -> Iterator[tuple[list[Event], int]]:
    """Events of one file between two positions, some at a time, each with where its last whole line ended."""
    with path.open("rb") as file:
        file.seek(start)
        rest = b""
        while start + len(rest) < end:
            data = file.read(min(BLOCK_BYTES, end - start - len(rest)))
            if not data:
                return
            whole, newline, rest = (rest + data).rpartition(b"\n")
            if newline:
                yield _all_parsed(whole, path, start), start + len(whole) + 1
                start += len(whole) + 1


def _all_parsed(lines: bytes, path: Path, start: int) -> list[Event]:
    """The events of whole lines, read as one text: half the time of reading them one by one."""
    with contextlib.suppress(ValueError):
        events: list[Event] = json.loads(b"[" + lines.replace(b"\n", b",") + b"]")
        if len(events) == lines.count(b"\n") + 1:
            return events
    return [_parsed(line, path, start) for line in lines.splitlines()]  # says which line is broken


def _parsed(line: bytes, path: Path, start: int) -> Event:
    try:
        event: Event = json.loads(line)
    except ValueError as error:
        raise RecordError(
            f"cannot read the log '{path}'",
            why=f"a line in the {BLOCK_BYTES >> 20} MiB after byte {start} is not JSON: {line[:60]!r}",
            fix="restore the file from a copy; nothing else can stand in for it",
        ) from error
    return event


def _whole_bytes(path: Path) -> int:
    """Length of a file up to its last newline."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        while size > 0:
            step = min(size, 1 << 16)
            file.seek(size - step)
            newline = file.read(step).rfind(b"\n")
            if newline >= 0:
                return size - step + newline + 1
            size -= step
    return 0


class EventLog:
    """The file of this attempt, opened for appending. ``attempt`` is its number."""

    def __init__(self, events: Path) -> None:
        events.mkdir(parents=True, exist_ok=True)
        self.folder = events
        while True:
            self.accepts = accepted(events)
            self.attempt = max(attempts(events), default=0) + 1
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
                self._fd = os.open(file_of(events, self.attempt), flags, 0o644)
                break
            except FileExistsError:  # another attempt started in this very moment
                continue
        self._synced_s = time.monotonic()
        self._dirty = False
        self._bytes = 0
        self._reserve = events / f".reserve-{self.attempt:03d}"
        self._take_reserve()

    def append(self, event: Event) -> None:
        """Write one event with one system call. Where the file system takes only a part of it, none of it stays."""
        line = (json.dumps(event, separators=(",", ":"), allow_nan=False) + "\n").encode()
        try:
            written = os.write(self._fd, line)
            while written < len(line):  # a full disk raises; a short write is finished
                written += os.write(self._fd, line[written:])
        except OSError:
            with contextlib.suppress(OSError):  # else a later event would end a torn line
                os.ftruncate(self._fd, self._bytes)
            raise
        self._bytes += len(line)
        self._dirty = True
        self.sync(SYNC_EVERY_S)

    def sync(self, every_s: float = 0.0) -> None:
        """Sync what was written to the disk, if the last time is more than ``every_s`` seconds ago."""
        if self._dirty and time.monotonic() - self._synced_s >= every_s:
            os.fdatasync(self._fd)
            self._synced_s, self._dirty = time.monotonic(), False

    def read(self) -> Iterator[Event]:
        """All events of this attempt and of what it accepted, oldest first, whatever a newer attempt accepts."""
        return read(self.folder, {**self.accepts, self.attempt: _whole_bytes(file_of(self.folder, self.attempt))})

    def superseded(self) -> int | None:
        """The number of a newer attempt that has taken this run over, if there is one."""
        newest = max(attempts(self.folder), default=self.attempt)
        return newest if newest > self.attempt else None

    def close(self) -> None:
        """Sync and close."""
        self.free_reserve()
        try:
            self.sync()
        finally:
            os.close(self._fd)

    def _take_reserve(self) -> None:
        """Hold a little room on the disk, so that the end of an attempt can be written when it is full."""
        for old in self.folder.glob(".reserve-*"):
            old.unlink(missing_ok=True)
        with contextlib.suppress(OSError), self._reserve.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)

    def free_reserve(self) -> None:
        """Give the reserved room back: what is written next may need it."""
        self._reserve.unlink(missing_ok=True)


class Tail:
    """Follows a log that somebody else writes: each ``new()`` gives what has come since the last one."""

    def __init__(self, events: Path) -> None:
        self.events = events
        self._position: dict[int, int] = {}

    def new(self) -> list[Event]:
        """Events that have come; raises ``Rewritten`` when a new attempt accepts less than was given already."""
        return [event for block in self.blocks() for event in block]

    def blocks(self) -> Iterator[list[Event]]:
        """As ``new``, some at a time: a long log need not lie in memory as a whole."""
        sizes = accepted(self.events)
        if any(size < self._position.get(attempt, 0) for attempt, size in sizes.items()):
            raise Rewritten
        for attempt, size in sorted(sizes.items()):
            for block, end in blocks(file_of(self.events, attempt), self._position.get(attempt, 0), size):
                self._position[attempt] = end
                yield block


class Rewritten(Exception):
    """A newer attempt accepts less of an earlier file than was read already: read again from the start."""
