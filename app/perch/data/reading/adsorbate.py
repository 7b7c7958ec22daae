"""Which atoms are the adsorbate, and which the slab's top layer. Said by the study, never guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from perch.data.reading.source import Entry
from perch.errors import DataError

if TYPE_CHECKING:
    from perch.study import AdsorbateSpec

BoolArray = npt.NDArray[np.bool_]


def flags(entry: Entry, spec: AdsorbateSpec | None) -> tuple[BoolArray, BoolArray]:
    """Adsorbate and surface flags of one structure's atoms, (N,) each; all False where the study does not say.

    Conventions of tags: ``ase`` (0 adsorbate, 1 top layer, 2 … deeper), ``ocp`` (Open Catalyst: 0 below the surface,
    1 surface, 2 adsorbate), ``gaspy`` (0 slab, 1 … adsorbate; it does not mark the surface).
    """
    none = np.zeros(len(entry.atoms), dtype=bool)
    if spec is None:
        return none, none
    if spec.symbols is not None:
        return np.isin(entry.atoms.get_chemical_symbols(), spec.symbols), none
    if spec.indices is not None:
        return _by_index(entry, spec.indices), none
    tags = np.asarray(entry.atoms.get_tags())
    match spec.tags:
        case "ase":
            return tags == 0, tags == 1
        case "ocp":
            return tags == 2, tags == 1
        case _:
            return tags > 0, none


def check_flags(entries: list[Entry], is_adsorbate: list[BoolArray], spec: AdsorbateSpec | None) -> list[str]:
    """Say which structures have no adsorbate, or nothing else; refuse when that holds for all of them."""
    if spec is None:
        return []
    how = spec.model_dump(exclude_none=True)
    empty = [e.id for e, flag in zip(entries, is_adsorbate, strict=True) if not flag.any()]
    whole = [e.id for e, flag in zip(entries, is_adsorbate, strict=True) if flag.all()]
    for rows, what in ((empty, "no adsorbate"), (whole, "nothing but adsorbate")):
        if len(rows) == len(entries):
            raise DataError(
                f"with data.adsorbate {how} every structure has {what}",
                why=_seen(entries),
                fix="choose the convention of your tags (ase, ocp, gaspy), or {symbols: [O, H]}, or {indices: key}",
            )
    warnings = []
    for rows, what in ((empty, "no adsorbate"), (whole, "nothing but adsorbate")):
        if rows:
            warnings.append(f"{len(rows)} of {len(entries)} structures have {what} under {how}: {listed(rows)}")
    return warnings


def listed(names: list[str], most: int = 5) -> str:
    """The first few names, and how many more there are."""
    more = f", … ({len(names) - most} more)" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _by_index(entry: Entry, key: str) -> BoolArray:
    value = entry.get(key)
    if value is None:
        raise DataError(
            f"structure {entry.id} has no '{key}'",
            why="data.adsorbate {indices: …} names the key that holds the indices of the adsorbate's atoms",
            fix="correct the key, or use tags or symbols",
        )
    try:
        index = np.atleast_1d(np.asarray(value, dtype=float))
        whole = index.astype(int)
        if not np.array_equal(index, whole) or (whole < 0).any():
            raise ValueError(f"{value!r} are not whole numbers from 0")
        flag = np.zeros(len(entry.atoms), dtype=bool)
        flag[whole] = True
    except (ValueError, IndexError, TypeError) as error:
        raise DataError(
            f"structure {entry.id}: '{key}' does not hold indices of its {len(entry.atoms)} atoms",
            why=str(error),
            fix="give indices from 0, one per atom of the adsorbate",
        ) from error
    return flag


def _seen(entries: list[Entry]) -> str:
    tags = sorted({int(t) for e in entries for t in e.atoms.get_tags()})
    symbols = sorted({s for e in entries for s in e.atoms.get_chemical_symbols()})
    return f"tags in the data: {tags}; elements: {', '.join(symbols)}"
