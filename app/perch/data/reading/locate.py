"""Where a study's ``path`` lies: a file or folder next to the study, or an https address with a checksum."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from perch.errors import DataError
from perch.home import expanded

if TYPE_CHECKING:
    from perch.study import DataSpec

_CHECKSUM = re.compile(r"(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$")


def is_address(path: str) -> bool:
    """Whether a path is meant as an address on the web."""
    return "://" in path


def check_path(spec: DataSpec, base: Path) -> Path | None:
    """The path as it stands, checked without fetching anything; None when none is given, or it is an address."""
    if spec.path is None:
        return None
    if is_address(spec.path):
        _check_address(spec.path, spec.checksum)
        return None
    path = (base / expanded(spec.path)).absolute()
    if not path.exists():
        near = path.parent
        while not near.exists():
            near = near.parent
        here = ", ".join(sorted(p.name for p in near.iterdir())[:8]) if near.is_dir() else ""
        raise DataError(
            f"data.path '{spec.path}' does not exist",
            why=f"looked for {path}; {near} holds: {here or 'nothing'}",
            fix="correct data.path; it is relative to the study file",
        )
    return path


def locate(spec: DataSpec, base: Path, cache: Path) -> Path | None:
    """The path on this machine, an address fetched into ``cache/downloads`` and its checksum compared."""
    if spec.path is None or not is_address(spec.path):
        return check_path(spec, base)
    _check_address(spec.path, spec.checksum)
    import pooch

    name = re.sub(r"[^\w.\-]", "_", spec.path.rsplit("/", 1)[-1].split("?")[0]) or "data"
    folder = cache / "downloads" / str(spec.checksum).replace(":", "-")[:24]
    try:
        return Path(pooch.retrieve(spec.path, known_hash=spec.checksum, fname=name, path=folder, progressbar=False))
    except ValueError as error:
        raise DataError(
            f"{spec.path} does not have the checksum that the study gives",
            why=str(error).splitlines()[0],
            fix="look whether the file was changed on purpose, then correct data.checksum",
        ) from error
    except OSError as error:
        raise DataError(
            f"cannot fetch {spec.path}",
            why=str(error),
            fix="check the address and the connection, or give a local path",
        ) from error


def _check_address(address: str, checksum: str | None) -> None:
    if not address.startswith("https://"):
        raise DataError(
            f"data.path '{address}' is not an https address",
            why="data that trains a model should not come over an open wire",
            fix="use https://, or fetch the file yourself and give its path",
        )
    if checksum is None or not _CHECKSUM.match(checksum):
        given = "none is given" if checksum is None else f"'{checksum}' is not one"
        raise DataError(
            f"data.path '{address}' needs a checksum",
            why=f"{given}; without one nobody knows what was trained on",
            fix="set data.checksum to sha256:…; 'sha256sum FILE' prints it",
        )
