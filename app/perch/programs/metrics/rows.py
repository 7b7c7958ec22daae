"""A program's numbers by epoch: lines parsed, rows of one epoch merged, the last value of each key standing."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from perch.command import OUTPUT, Metrics
from perch.programs.metrics.tail import Tail

GLOB_EVERY = 10
"""Looks between two searches for further files."""


class Reader:
    """Reads one program's numbers as they come. Epochs are the program's own, not yet counted from one."""

    def __init__(self, spec: Metrics, folder: Path, output: Path) -> None:
        self.spec, self.folder, self.output = spec, folder, output
        self.rows: dict[int, dict[str, float]] = {}
        self.seen: set[str] = set()
        """Every key that has come, wanted or not, for messages."""
        self.backwards: tuple[int, int] | None = None
        """(epoch, a later row's lower epoch) where a growing file's epochs went back."""
        self.order: list[int] = []
        self.pattern = re.compile(spec.pattern) if spec.pattern else None
        self._tails: dict[Path, Tail] = {}
        self._headers: dict[Path, list[str]] = {}
        self._last: dict[Path, int] = {}
        self._counted = 0
        self._looks = 0

    @property
    def columns(self) -> set[str]:
        """Keys that have come, and those that a table's header promises."""
        return self.seen.union(*self._headers.values())

    @property
    def files(self) -> list[Path]:
        """Files found so far."""
        return list(self._tails)

    def look(self, *, ended: bool = False) -> bool:
        """Take in what has come; True when anything has. ``ended``: nothing more will come, a last line may lack its end."""
        if not self._tails or ended or self._looks % GLOB_EVERY == 0:
            for path in self._matches():
                self._tails.setdefault(path, Tail(path))
        self._looks += 1
        changed = False
        for path, tail in self._tails.items():
            new = tail.read(whole=ended)
            if new.anew:
                self._headers.pop(path, None)
                self._last.pop(path, None)
                if self.spec.epoch is None:
                    self._counted = 0
            for record in self._records(path, new.lines):
                changed = self._take(path, record) or changed
        return changed

    def _matches(self) -> list[Path]:
        if self.spec.files == OUTPUT:
            return [self.output] if self.output.exists() else []
        found = [p for p in self.folder.glob(self.spec.files) if p.is_file()]
        return sorted(found, key=lambda p: p.stat().st_mtime_ns)

    def _records(self, path: Path, lines: list[str]) -> Iterator[Mapping[str, Any]]:
        if self.spec.format == "jsonl":
            for line in lines:
                try:
                    record = json.loads(line)
                except ValueError:
                    continue
                if isinstance(record, dict):
                    yield record
        elif self.spec.format == "csv":
            yield from self._csv(path, lines)
        elif self.pattern is not None:
            for line in lines:
                if (match := self.pattern.search(line)) is not None:
                    yield match.groupdict()

    def _csv(self, path: Path, lines: list[str]) -> Iterator[Mapping[str, Any]]:
        for cells in csv.reader(lines, skipinitialspace=True):
            header, row = self._headers.get(path), [c.strip() for c in cells]
            if header is None or (set(row) & set(header) - {""} and all(_number(c) is None for c in row)):
                self._headers[path] = (
                    row  # the first line, and one that names columns anew, as a logger that is begun anew writes
                )
            elif row:
                yield dict(zip(header, row, strict=False))

    def _take(self, path: Path, record: Mapping[str, Any]) -> bool:
        if any(not _same(record.get(key), value) for key, value in self.spec.where.items()):
            return False
        if self.spec.epoch is None:
            epoch: int | None = self._counted
            self._counted += 1
        else:
            number = _number(record.get(self.spec.epoch))
            epoch = None if number is None or not math.isfinite(number) else int(number)
        if epoch is None:
            return False
        values = {k: n for k, v in record.items() if k != self.spec.epoch and (n := _number(v)) is not None}
        self.seen.update(values)
        last = self._last.get(path)
        if last is not None and epoch < last:
            self.backwards = (last, epoch)
        self._last[path] = epoch
        if epoch not in self.rows:
            self.order.append(epoch)
        self.rows.setdefault(epoch, {}).update(values)
        return True


def _number(value: Any) -> float | None:
    """A number, also NaN and infinity, also written as text; None for what is none."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        return float(value)
    try:
        return float(str(value))
    except ValueError:
        return None


def _same(found: Any, wanted: Any) -> bool:
    return bool(found == wanted) or str(found) == str(wanted)
