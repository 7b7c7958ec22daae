"""Requests to a run that goes on, as files in its folder: whoever drives the run, on whatever node, finds them there.

``RUN/requests/ID.json`` is a request. The driver renames it to ``ID.taken``, so that it is taken once, decides, and writes
``ID.answer.json``. Whoever asked waits for that, and may take the request back as long as it is not taken. Folder and files are
the owner's alone, and a file of another user is no request: whoever can write in a shared folder could steer the run else.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

MOST_BYTES: Final = 64 * 1024
"""A larger file is no request."""

REQUEST, TAKEN, ANSWER = ".json", ".taken", ".answer.json"


@dataclass(frozen=True)
class Answer:
    """What became of a request: ``what`` was done; or, refused, ``what`` cannot be done, ``why`` and ``fix``."""

    accepted: bool
    what: str
    why: str = ""
    fix: str = ""


@dataclass(frozen=True)
class Requests:
    """The requests of the run in ``folder``, both for those who ask and for who answers."""

    folder: Path

    @property
    def path(self) -> Path:
        """Where they lie."""
        return self.folder / "requests"

    # --- asking -----------------------------------------------------------------------------------------------------

    def put(self, do: str, words: Mapping[str, Any]) -> str:
        """Write a request as a whole; returns its id. Ids sort by time."""
        self.path.mkdir(mode=0o700, exist_ok=True)
        name = f"{time.time_ns() // 1_000_000:013d}-{secrets.token_hex(4)}"
        _write(self.path / f"{name}{REQUEST}", {"id": name, "do": do, "unix_s": round(time.time(), 3), **words})
        return name

    def answer_to(self, name: str) -> Answer | None:
        """The answer, once it is there; it is removed by being read."""
        file = self.path / f"{name}{ANSWER}"
        try:
            found = Answer(**json.loads(file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        for left in (file, self.path / f"{name}{TAKEN}"):
            left.unlink(missing_ok=True)
        return found

    def withdraw(self, name: str) -> bool:
        """Take a request back; False when it has been taken: an answer will come."""
        try:
            (self.path / f"{name}{REQUEST}").unlink()
        except FileNotFoundError:
            return False
        return True

    # --- answering --------------------------------------------------------------------------------------------------

    def take(self, *, left_over: bool = False) -> Iterator[dict[str, Any]]:
        """Requests that have come, oldest first, each taken. ``left_over``: and those that an earlier attempt took without an answer."""
        if not self.path.is_dir():
            return
        names = sorted(entry.name for entry in os.scandir(self.path))
        for name in names:
            stem = name.removesuffix(REQUEST).removesuffix(TAKEN)
            fresh = name == f"{stem}{REQUEST}" and not name.endswith(ANSWER)
            forgotten = left_over and name == f"{stem}{TAKEN}" and f"{stem}{ANSWER}" not in names
            if name.startswith(".") or not (fresh or forgotten):
                continue
            taken = self.path / f"{stem}{TAKEN}"
            with contextlib.suppress(FileNotFoundError):  # taken back in this very moment
                (self.path / name).rename(taken)
                yield {**_read(taken), "id": stem}

    def answer(self, name: str, answer: Answer) -> None:
        """Write what became of a request."""
        _write(self.path / f"{name}{ANSWER}", answer.__dict__)

    def forget(self, name: str) -> None:
        """Nobody waits for the answer to this request."""
        (self.path / f"{name}{TAKEN}").unlink(missing_ok=True)


def _read(file: Path) -> dict[str, Any]:
    """A request; one without ``do`` where the file is none of the owner's, or not what a request looks like."""
    with file.open("rb") as opened:
        facts = os.fstat(opened.fileno())
        if facts.st_uid != os.geteuid():
            return {"refused": f"it is a file of user {facts.st_uid}, and the run is of user {os.geteuid()}"}
        data = opened.read(MOST_BYTES + 1)
    try:
        found = json.loads(data)
    except ValueError:
        found = None
    if len(data) > MOST_BYTES or not isinstance(found, dict):
        return {"refused": "the file holds no request"}
    return found


def _write(file: Path, content: Mapping[str, Any]) -> None:
    """Write as a whole, for the owner alone."""
    new = file.with_name(f".{file.name}.{os.getpid()}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        json.dump(content, opened)
    new.replace(file)
