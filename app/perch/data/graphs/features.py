"""What the model is told of an atom: the 92 numbers of the CGCNN paper, or a table of the user's.

Xie and Grossman, Phys. Rev. Lett. 120, 145301 (2018): group, period, electronegativity, covalent radius, valence
electrons, first ionisation energy, electron affinity, block and atomic volume, each one-hot in bins. The table itself
(``atom_init.json``) came with the paper's code and is read from the package ``jarvis-tools``, which ships it.
"""

from __future__ import annotations

import importlib.util
import json
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from perch.errors import DataError

CGCNN: Final = "cgcnn"
FloatArray = npt.NDArray[np.float32]


def atom_features(numbers: npt.ArrayLike, source: str | Path = CGCNN) -> FloatArray:
    """Features of atoms, (A, 92) float32 for the paper's, (A, F) for a user's table.

    Args:
        numbers: atomic numbers, (A,).
        source: ``cgcnn``, or the path of an ``atom_init.json``: ``{"1": [0, 1, …], …}`` by atomic number.

    Raises DataError for an element that the table lacks.
    """
    table, known = feature_table(source)
    z = np.asarray(numbers, dtype=np.int64)
    outside = (z < 0) | (z >= len(table))
    lacking = sorted({int(n) for n in np.unique(z[outside])} | {int(n) for n in np.unique(z[~outside]) if not known[n]})
    if lacking:
        raise DataError(
            f"no atom features for {'element' if len(lacking) == 1 else 'elements'} {', '.join(map(str, lacking))}",
            why=f"{_called(source)} covers atomic numbers {_spans(np.flatnonzero(known))}",
            fix="leave those structures out with data.select, or give data.atom_features a table that has them",
        )
    return table[z]


def feature_table(source: str | Path = CGCNN) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """The whole table by atomic number, (Z, F), and which rows it knows, (Z,)."""
    return _table(str(source), _stamp(source))


def _stamp(source: str | Path) -> tuple[int, int]:
    """Tells versions of a user's file apart: time of its last change in ns, and its size."""
    try:
        stat = Path(source).stat() if str(source) != CGCNN else None
    except OSError:  # reading it says so better
        stat = None
    return (stat.st_mtime_ns, stat.st_size) if stat is not None else (0, 0)


@lru_cache(maxsize=8)
def _table(source: str, stamp: tuple[int, int]) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    path = _shipped() if source == CGCNN else Path(source)
    rows = _read(path, source)
    length = len(next(iter(rows.values())))
    table = np.zeros((max(rows) + 1, length), dtype=np.float32)
    known = np.zeros(len(table), dtype=bool)
    for z, row in rows.items():
        table[z], known[z] = row, True
    table.setflags(write=False)
    return table, known


def _shipped() -> Path:
    """The paper's table inside jarvis-tools, found without importing that package."""
    spec = importlib.util.find_spec("jarvis")
    path = Path(spec.origin).parent / "core" / "atom_init.json" if spec and spec.origin else None
    if path is None or not path.is_file():
        raise DataError(
            "the CGCNN paper's atom features are not installed",
            why="the package jarvis-tools ships them, and it is missing or incomplete",
            fix="install jarvis-tools, or set data.atom_features to an atom_init.json of your own",
        )
    return path


def _read(path: Path, source: str) -> dict[int, list[float]]:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        rows = {int(z): [float(x) for x in row] for z, row in raw.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DataError(
            f"cannot read atom features from '{source}'",
            why=f"{type(error).__name__}: {error}",
            fix='write {"1": [0, 1, …], "2": …}: a list of numbers per atomic number',
        ) from error
    lengths = {len(row) for row in rows.values()}
    good = len(lengths) == 1 and 0 not in lengths and min(rows) >= 0 and max(rows) <= 200
    if not good or not all(np.isfinite(row).all() for row in rows.values()):
        raise DataError(
            f"atom features in '{source}' are not a table",
            why=f"rows have {sorted(lengths)} numbers; all need the same count, finite, by atomic number",
            fix="give every element as many numbers as the others",
        )
    return rows


def _called(source: str | Path) -> str:
    return "the CGCNN paper's table" if str(source) == CGCNN else f"'{source}'"


def _spans(numbers: npt.NDArray[np.int64]) -> str:
    if not len(numbers):
        return "none"
    breaks = np.flatnonzero(np.diff(numbers) > 1)
    starts, ends = numbers[np.r_[0, breaks + 1]], numbers[np.r_[breaks, len(numbers) - 1]]
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True))
