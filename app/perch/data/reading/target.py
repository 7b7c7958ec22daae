"""From the study's ``target`` to one number per structure, in eV."""

from __future__ import annotations

import numbers
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from perch.data.reading.source import Entry
from perch.data.reading.target_expression import parse
from perch.errors import DataError, did_you_mean

PLACES = ("key_value_pairs", "data", "info", "calculator")
"""Where a key is looked up, first place first. ASE from 3.23 on moves an extended XYZ file's ``energy`` from ``info``
into the calculator, so the last place finds it."""


def number(value: Any) -> float | None:
    """A value as a number; None for what is not one (texts, lists, booleans)."""
    if isinstance(value, (bool, np.bool_)):
        return None
    if isinstance(value, (numbers.Real, np.floating, np.integer)):
        return float(value)
    if isinstance(value, np.ndarray) and value.size == 1 and value.dtype.kind in "fiu":
        return float(value.reshape(()))
    return None


def flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Keys and values of a nested table, a key of a key joined by a dot."""
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def lookup(entry: Entry, key: str) -> float | None:
    """The number stored under ``key``, from the first place that has the key; None where there is none."""
    for _place, table in entry.tables:
        if key in table:
            return number(table[key])
        if "." in key:
            nested = dict(flat(table))
            if key in nested:
                return number(nested[key])
    return None


def targets(entries: Sequence[Entry], target: str) -> npt.NDArray[np.float64]:
    """The target of every structure in eV, (G,); NaN where a structure lacks it.

    Raises DataError, which lists all keys with counts and ranges, when no structure has a key that is needed.
    """
    if any(lookup(entry, target) is not None for entry in entries):
        return np.array([_or_nan(lookup(entry, target)) for entry in entries])
    expression = parse(target)
    for name in expression.names:
        if not any(lookup(entry, name) is not None for entry in entries):
            raise _missing(entries, name, target)
    values = np.empty(len(entries))
    for row, entry in enumerate(entries):
        found = {name: lookup(entry, name) for name in expression.names}
        known = {name: value for name, value in found.items() if value is not None}
        values[row] = expression.evaluate(known) if len(known) == len(found) else np.nan
    return values


def key_table(entries: Sequence[Entry]) -> dict[str, str]:
    """Every key with how many structures have it and what it holds (a range, or how many texts)."""
    found: dict[str, list[Any]] = {}
    for entry in entries:
        seen: dict[str, Any] = {}
        for _place, table in entry.tables:
            for key, value in flat(table):
                seen.setdefault(key, value)
        for key, value in seen.items():
            found.setdefault(key, []).append(value)
    return {key: _describe(values) for key, values in sorted(found.items())}


def _describe(values: Sequence[Any]) -> str:
    known = [x for x in (number(v) for v in values) if x is not None]
    if known:
        finite = [x for x in known if np.isfinite(x)]
        lost = len(known) - len(finite)
        nan = f", {lost} not finite" if lost else ""
        span = f"{min(finite):.4g} … {max(finite):.4g}" if finite else "no finite value"
        return f"{len(known)} numbers, {span}{nan}"
    texts = {v for v in values if isinstance(v, str)}
    if texts:
        return f"{len(values)} texts, {len(texts)} different"
    return f"{len(values)} of type {type(values[0]).__name__}"


def _missing(entries: Sequence[Entry], name: str, target: str) -> DataError:
    table = key_table(entries)
    listing = "\n".join(f"       {key}: {text}" for key, text in table.items())
    where = "" if name == target else f" (needed by '{target}')"
    has = f"they have\n{listing}" if table else "they have no keys at all"
    return DataError(
        f"none of the {len(entries)} structures has a number under the key '{name}'{where}",
        why=f"looked up in {', '.join(PLACES)}; {has}",
        fix=f"set data.target to one of the keys, or to an expression over them ({did_you_mean(name, table)[:120]})",
    )


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value
