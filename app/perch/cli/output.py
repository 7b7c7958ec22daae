"""What commands print to: characters that the terminal lacks are replaced, and a reader that goes does not end a run."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from perch.errors import PerchError, RecordError

PLAIN = {
    "·": "|",
    "–": "-",
    "—": "-",
    "…": "...",
    "×": "x",
    "→": "->",
    "≤": "<=",
    "≥": ">=",
    "±": "+-",
    "−": "-",
    "Å": "A",
}
"""Stand-ins where the output is not Unicode; every other character becomes a question mark."""


def readable_anywhere() -> None:
    """Let standard output and error take any text, whatever their encoding: LANG=C, PYTHONIOENCODING=ascii, a Windows code page."""
    _open_what_is_closed()
    codecs.register_error("perch.plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="perch.plain")


def _open_what_is_closed() -> None:
    """Give a command that was started without its three streams the null device, before a file of a run takes their numbers."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: this one
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(PLAIN.get(c, "?") for c in error.object[error.start : error.end]), error.end


class Unbreakable:
    """A stream that can be lost. The first write that fails (the reader has gone, its disk is full) sends the rest nowhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, or lose what cannot be written."""
        with self._losing():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, or lose what cannot be written."""
        with self._losing():
            self._stream.flush()

    @contextlib.contextmanager
    def _losing(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError):
            _to_nowhere(self._stream)


def _to_nowhere(stream: TextIO) -> None:
    """Point a stream's descriptor at the null device, so that what it still holds can be flushed at the end."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


@contextlib.contextmanager
def unbreakable() -> Iterator[None]:
    """Within it, nothing that happens to standard output or error ends what runs."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = Unbreakable(sys.stdout), Unbreakable(sys.stderr)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        sys.stdout, sys.stderr = before


def refused_by_storage(error: OSError) -> bool:
    """True for what a file system answers when it is full, broken or closed to writing."""
    from perch.training.failure import classify
    from perch.vocabulary import STORAGE

    return classify(error).failure == STORAGE


def cannot_write(error: OSError) -> PerchError:
    """The error for people: which file, and why not."""
    place = f"'{error.filename}'" if error.filename else "a file, or the output itself"
    found = RecordError(
        f"cannot write {place}", why=error.strerror or str(error), fix="make room there, or write elsewhere"
    )
    found.exit_code = 1
    return found
