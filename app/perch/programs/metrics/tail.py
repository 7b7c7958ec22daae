"""New lines of a file that grows, is rewritten in place, or is replaced."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path

_LOOK_BACK = 256
"""Bytes before the place read up to that are compared: where they changed, the file was rewritten."""


@dataclass(slots=True)
class Lines:
    """Lines that have come. ``anew``: the file was rewritten, and these are all of its lines."""

    lines: list[str]
    anew: bool = False


class Tail:
    """Follows one file. A look at an unchanged file is one ``stat``; at one that has grown, only what is new is read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0
        self.head = b""
        self.before = b""
        self.seen: tuple[int, int, int] | None = None
        self.bytes_read = 0

    def read(self, *, whole: bool = False) -> Lines:
        """Complete lines since the last look; with ``whole`` also a last one without its end. A missing file has none."""
        try:
            stat = self.path.stat()
            key = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
            if key == self.seen and not whole:
                return Lines([])
            with self.path.open("rb") as file:
                anew = self._rewritten(file, stat.st_size)
                if anew:
                    self.offset, self.head, self.before = 0, b"", b""
                file.seek(self.offset)
                data = file.read()
        except OSError:
            return Lines([])
        self.bytes_read += len(data)
        self.seen = key
        if not whole:
            data = data[: data.rfind(b"\n") + 1]
        text = data
        if self.offset == 0:
            self.head = data[:_LOOK_BACK]
            text = data.removeprefix(codecs.BOM_UTF8)
        self.before = (self.before + data)[-_LOOK_BACK:]
        self.offset += len(data)
        return Lines(text.decode("utf-8", errors="replace").splitlines(), anew)

    def _rewritten(self, file: object, size: int) -> bool:
        if self.offset == 0:
            return False
        if size < self.offset:
            return True
        file.seek(0)  # type: ignore[attr-defined]
        if file.read(len(self.head)) != self.head:  # type: ignore[attr-defined]
            return True
        file.seek(self.offset - len(self.before))  # type: ignore[attr-defined]
        return bool(file.read(len(self.before)) != self.before)  # type: ignore[attr-defined]
