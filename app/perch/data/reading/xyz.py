"""Frames of an extended XYZ file, counted against the file: every one is read, or an error names the line.

The format: a line with the number of atoms, a comment line with ``key=value`` pairs, a line per atom, and up to three lines
``VEC1 …`` (https://github.com/libAtoms/extxyz). Blank lines between frames are passed over, as ``cat a.xyz b.xyz`` makes them.
"""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from perch.errors import DataError

if TYPE_CHECKING:
    from ase import Atoms

SUFFIXES: Final = (".extxyz", ".xyz", ".extxyz.gz", ".xyz.gz")
"""Names of files that are read here."""
PLAIN_COLUMNS: Final = 4
"""Columns of an atom where the comment line names none: species and three coordinates in angstrom."""
_PROPERTIES: Final = re.compile(r"(?:^|\s)[\"']?Properties[\"']?\s*=\s*[\"']?([^\s\"']+)")
ISOTOPES: Final = {"D": "deuterium", "T": "tritium"}


@dataclass(frozen=True)
class Frame:
    """The lines of one frame; ``line`` (from 1) is where it begins, ``number`` (from 0) which frame of the file it is."""

    number: int
    line: int
    lines: tuple[str, ...]


def read_frames(path: Path) -> Iterator[Atoms]:
    """Every frame of an extended XYZ file (also gzipped), read by ASE.

    Raises DataError, which names file and line, for a frame that is cut short, a count of atoms that does not fit, lines that
    belong to no frame, and an element that is none.
    """
    from ase.io.extxyz import read_xyz

    with _opened(path) as file:
        for frame in split_frames(file, path.name):
            try:
                (atoms,) = read_xyz(io.StringIO("".join(frame.lines)), index=slice(None))
            except Exception as error:
                raise _refused(path.name, frame.line, frame.number, f"{type(error).__name__}: {error}") from error
            yield atoms


def _opened(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig")
    return path.open(encoding="utf-8-sig")


def split_frames(file: TextIO, name: str) -> Iterator[Frame]:
    """The frames of an open file, each checked for its number of lines and columns, and for its elements."""
    lines = enumerate(file, start=1)
    at, line = next(lines, (0, ""))
    number = 0
    while line:
        if not line.strip():
            at, line = next(lines, (0, ""))
            continue
        count = _count(line, at, number, name)
        frame, begun = [line], at
        for _line in range(count + 1):
            at, line = next(lines, (at, ""))
            if not line:
                raise _refused(
                    name,
                    begun,
                    number,
                    f"it has {count} atoms by its first line, and the file ends after {max(len(frame) - 2, 0)}",
                )
            frame.append(line if line.endswith("\n") else line + "\n")
        _check_atoms(frame, begun, number, name)
        at, line = next(lines, (0, ""))
        while line.lstrip().startswith("VEC"):
            frame.append(line if line.endswith("\n") else line + "\n")
            at, line = next(lines, (0, ""))
        yield Frame(number, begun, tuple(frame))
        number += 1


def _count(line: str, at: int, number: int, name: str) -> int:
    text = line.strip()
    if not text.isdecimal():
        before = f"; frame {number - 1} before it may hold more atoms than its first line says" if number else ""
        raise DataError(
            f"{name}, line {at}: no frame begins here",
            why=f"a frame begins with its number of atoms, and the line reads {text[:60]!r}{before}",
            fix="correct the number of atoms, or remove the line",
        )
    return int(text)


def _check_atoms(frame: list[str], begun: int, number: int, name: str) -> None:
    """Each atom's line has the columns that the comment line names, and its species is an element."""
    columns, species = _layout(frame[1])
    for offset, line in enumerate(frame[2:], start=2):
        words = line.split()
        if len(words) < columns:
            raise _refused(
                name, begun + offset, number,
                f"it has {len(frame) - 2} atoms of {columns} columns by lines {begun} and {begun + 1}, and this line reads {line.strip()[:60]!r}",
            )  # fmt: skip
        if species is not None and (fault := unknown_element(words[species])):
            raise DataError(
                f"{name}, line {begun + offset} (frame {number}): {fault}",
                why="features and networks are made for the elements from H (1) to Og (118)",
                fix="write the element's symbol (H for deuterium and tritium), or leave the frame out",
            )


def unknown_element(symbol: str) -> str:
    """What is wrong with an element's symbol, however it is capitalised; nothing for one that exists."""
    from ase.data import atomic_numbers

    text = symbol.capitalize()
    if atomic_numbers.get(text, 0) > 0:
        return ""
    if text in ISOTOPES:
        return f"'{symbol}' ({ISOTOPES[text]}) is an isotope, not an element"
    return f"'{symbol}' stands for no element" if text == "X" else f"'{symbol}' is no element"


def _layout(comment: str) -> tuple[int, int | None]:
    """How many columns an atom has, and which of them is its species; (1, None) where ASE has to say what is wrong."""
    found = _PROPERTIES.search(comment)
    if found is None:
        return PLAIN_COLUMNS, 0
    parts = found[1].split(":")
    counts = parts[2::3]
    if len(parts) % 3 or not all(count.isdecimal() for count in counts):
        return 1, None
    names = parts[0::3]
    before = [sum(map(int, counts[:k])) for k in range(len(counts))]
    place = names.index("species") if "species" in names else None
    return sum(map(int, counts)), None if place is None else before[place]


def _refused(name: str, line: int, number: int, why: str) -> DataError:
    return DataError(
        f"{name}, line {line}: frame {number} cannot be read",
        why=why,
        fix="correct that frame, or remove it; a file that was cut short is made again",
    )
