"""What sources that read files share: is it there, can it be read, and one entry per frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from perch.data.reading.names import name_of
from perch.data.reading.source import Entry
from perch.data.reading.xyz import unknown_element
from perch.errors import DataError, PerchError

if TYPE_CHECKING:
    from ase import Atoms

    from perch.study import DataSpec


def refuse_path(spec: DataSpec, path: Path | None) -> None:
    """For sources that bring their own structures."""
    if spec.path is not None:
        raise DataError(
            f"source '{spec.source}' takes no path",
            why=f"it brings its own structures, but data.path is '{spec.path}'",
            fix="remove data.path, or set data.source to extxyz, ase-db or cif",
        )


def need_file(path: Path, spec: DataSpec, suffixes: Sequence[str]) -> None:
    """The path is a file with one of the suffixes, not empty."""
    if path.is_dir():
        raise DataError(
            f"data.path '{spec.path}' is a folder",
            why=f"source '{spec.source}' reads a file",
            fix="name the file in it",
        )
    if not any(path.name.endswith(suffix) for suffix in suffixes):
        raise DataError(
            f"source '{spec.source}' does not read '{path.name}'",
            why=f"it reads {', '.join(suffixes)}",
            fix="rename the file, or choose the source that fits: ase-db, extxyz, cif",
        )
    if path.stat().st_size == 0:
        raise DataError(f"data.path '{spec.path}' is an empty file", why=f"{path} has no bytes", fix="make it again")


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever a reader trips over into one clear error."""
    try:
        yield
    except PerchError:
        raise
    except ModuleNotFoundError as error:
        raise DataError(
            f"cannot read {path.name}", why=str(error), fix=f"install the package '{error.name}'"
        ) from error
    except Exception as error:
        kind = type(error).__name__
        if isinstance(error, KeyError) and isinstance(error.args[0], str) and (fault := unknown_element(error.args[0])):
            raise DataError(
                f"cannot read {path.name}", why=fault, fix="write the symbol of an element, or remove the structure"
            ) from error
        raise DataError(
            f"cannot read {path.name}",
            why=f"{kind}: {str(error).splitlines()[0] if str(error) else 'no reason given'} (in {path})",
            fix="the file may be truncated or of another kind: open it with ASE ('ase gui FILE'), or make it again",
        ) from error


def entries_of(frames: Sequence[Atoms], name: str) -> list[Entry]:
    """One entry per frame: keys in ``info``, then the calculator's results; the id from ``id`` or ``name``, of any type."""
    entries = []
    for number, atoms in enumerate(frames):
        results = dict(atoms.calc.results) if atoms.calc else {}
        said = name_of(atoms.info.get("id", atoms.info.get("name")))
        entries.append(Entry(atoms, said or f"{name}-{number}", (("info", atoms.info), ("calculator", results))))
    return entries
