"""From what a source read to ``Structures``: target, groups, adsorbate and geometry, as the study says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from perch.data.reading.adsorbate import check_flags, flags, listed
from perch.data.reading.names import name_of
from perch.data.reading.source import Defaults, Entry, Structures
from perch.data.reading.target import flat, targets
from perch.data.refuse import refuse_numbers
from perch.errors import DataError, did_you_mean

if TYPE_CHECKING:
    from perch.study import DataSpec

INITIAL_POSITIONS = "initial_positions"
"""Array of a structure that holds its positions before relaxation, (N, 3) in angstrom."""

BoolArray = npt.NDArray[np.bool_]


def assemble(entries: Sequence[Entry], spec: DataSpec, defaults: Defaults) -> Structures:
    """Apply the study's data settings to what a source read. Targets may still hold NaN."""
    if not entries:
        what = f"data.select '{spec.select}' matches no structure" if spec.select else "the data hold no structure"
        raise DataError(what, why=f"source {spec.source}, path {spec.path}", fix="correct data.select or data.path")
    entries = list(entries)
    refuse_numbers(entries, spec.path or "")
    target = spec.target or defaults.target
    if target is None:
        raise DataError(
            f"data.target is not given, and source '{spec.source}' has no target of its own",
            why="a model needs a number per structure, in eV",
            fix="set data.target to a key of the data, or to an expression over keys; perch data inspect lists them",
        )
    target_ev = targets(entries, target)
    how = spec.adsorbate or defaults.adsorbate
    both = [flags(entry, how) for entry in entries]
    is_adsorbate = [a for a, _surface in both]
    warnings = check_flags(entries, is_adsorbate, how)
    warnings += _use_geometry(entries, spec.geometry)
    groups, more = group_names(entries, is_adsorbate, spec.split.group, defaults)
    return Structures(
        atoms=[entry.atoms for entry in entries],
        target_ev=target_ev,
        ids=tuple(entry.id for entry in entries),
        groups=groups,
        adsorbates=adsorbate_names(entries, is_adsorbate),
        is_adsorbate=tuple(is_adsorbate),
        is_surface=tuple(surface for _a, surface in both),
        geometry=spec.geometry,
        extra=_columns(entries),
        warnings=tuple(warnings + more),
    )


def adsorbate_names(entries: Sequence[Entry], is_adsorbate: Sequence[BoolArray]) -> tuple[str, ...]:
    """Each structure's adsorbate: the data's own ``adsorbate`` key, else the flagged atoms' formula, else ``""``."""
    names = []
    for entry, flag in zip(entries, is_adsorbate, strict=True):
        said = entry.get("adsorbate")
        names.append(
            said
            if isinstance(said, str)
            else str(entry.atoms[flag].symbols.formula.format("hill"))
            if flag.any()
            else ""
        )
    return tuple(names)


def group_names(
    entries: Sequence[Entry], is_adsorbate: Sequence[BoolArray], group: str, defaults: Defaults
) -> tuple[tuple[str, ...], list[str]]:
    """What each structure is grouped by, and warnings.

    ``auto``: the source's key of the clean slab, else the slab's reduced formula (cell repetitions, relaxed and
    initial pairs and duplicates fall together). ``formula``: that formula. ``none``: each structure alone, except
    that structures of one id stay together. Anything else is a key of the data.
    """
    if group == "none":
        return tuple(entry.id for entry in entries), []
    key = defaults.group if group == "auto" else group
    if key is None or group == "formula":
        names = tuple(_slab_formula(e, flag) for e, flag in zip(entries, is_adsorbate, strict=True))
        if any(flag.any() for flag in is_adsorbate):
            return names, []
        return names, [
            "data.adsorbate is not given, so structures are grouped by their whole formula: one slab with two "
            "adsorbates may lie on both sides of the split"
        ]
    values = [name_of(entry.get(key)) for entry in entries]
    lacking = [entry.id for entry, value in zip(entries, values, strict=True) if value is None]
    if lacking:
        known = {k for entry in entries for _place, table in entry.tables for k, _v in flat(table)}
        raise DataError(
            f"{len(lacking)} of {len(entries)} structures have no '{key}' to group the split by: {listed(lacking)}",
            why=did_you_mean(key, known)[:300],
            fix="set data.split.group to a key that all have, or to auto, formula or none",
        )
    return tuple(value for value in values if value is not None), []


def _slab_formula(entry: Entry, is_adsorbate: BoolArray) -> str:
    atoms = entry.atoms[~is_adsorbate] if is_adsorbate.any() and not is_adsorbate.all() else entry.atoms
    formula, _units = atoms.symbols.formula.reduce()
    return str(formula.format("hill"))


def _use_geometry(entries: Sequence[Entry], geometry: str) -> list[str]:
    """Move atoms to where they were before relaxation, when that is asked for and known."""
    if geometry == "relaxed":
        return []
    lacking = [entry.id for entry in entries if INITIAL_POSITIONS not in entry.atoms.arrays]
    if 0 < len(lacking) < len(entries):
        raise DataError(
            f"{len(lacking)} of {len(entries)} structures have no '{INITIAL_POSITIONS}': {listed(lacking)}",
            why="data.geometry is initial, and the others carry both geometries: mixing the two would mislead",
            fix=f"add the array '{INITIAL_POSITIONS}' to all, or to none if every structure is an initial one",
        )
    if lacking:
        return [f"no structure carries '{INITIAL_POSITIONS}': data.geometry 'initial' takes the positions as they are"]
    for entry in entries:
        entry.atoms.set_positions(entry.atoms.arrays[INITIAL_POSITIONS], apply_constraint=False)
    return []


def _columns(entries: Sequence[Entry]) -> dict[str, tuple[Any, ...]]:
    """Keys with one text or number per structure, for grouping and looking: G values each, None where it lacks."""
    columns: dict[str, list[Any]] = {}
    for row, entry in enumerate(entries):
        for _place, table in reversed(entry.tables):
            for key, value in flat(table):
                plain = value.item() if isinstance(value, np.generic) else value
                if isinstance(plain, (str, int, float, bool)):
                    columns.setdefault(key, [None] * len(entries))[row] = plain
    return {key: tuple(values) for key, values in columns.items()}
