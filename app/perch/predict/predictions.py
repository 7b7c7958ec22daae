"""Predictions as a file: CSV, or extended XYZ with the energies in each structure's header."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from perch.errors import DataError
from perch.predict.predict import Prediction

if TYPE_CHECKING:
    from ase import Atoms

COLUMNS = ("id", "formula", "energy_ev", "deviation_ev", "distance", "warnings")


def as_csv(predictions: Sequence[Prediction]) -> str:
    """A line per structure; the deviation is empty when there is a single model."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for p in predictions:
        deviation = "" if p.deviation_ev != p.deviation_ev else f"{p.deviation_ev:.4f}"
        writer.writerow([p.id, p.formula, f"{p.energy_ev:.4f}", deviation, f"{p.distance:.2f}", "; ".join(p.warnings)])
    return out.getvalue()


def write(predictions: Sequence[Prediction], atoms: Sequence[Atoms], path: Path) -> None:
    """Write to ``.csv``, or to ``.extxyz``/``.xyz``. Raises DataError when that is not possible."""
    try:
        if path.suffix == ".csv":
            path.write_text(as_csv(predictions), encoding="utf-8")
        elif path.suffix in (".extxyz", ".xyz"):
            _write_extxyz(predictions, atoms, path)
        else:
            raise DataError(
                f"cannot write predictions to '{path}'",
                why=f"'{path.suffix}' is neither .csv nor .extxyz",
                fix="choose one of these endings",
            )
    except OSError as error:
        raise DataError(
            f"cannot write '{path}'", why=str(error), fix="choose a folder that exists and is writable"
        ) from error


def _write_extxyz(predictions: Sequence[Prediction], atoms: Sequence[Atoms], path: Path) -> None:
    import ase.io

    frames = []
    for one, p in zip(atoms, predictions, strict=True):
        frame = one.copy()
        frame.calc = None
        frame.info |= {"predicted_energy_ev": p.energy_ev, "distance": p.distance}
        if p.deviation_ev == p.deviation_ev:
            frame.info["predicted_deviation_ev"] = p.deviation_ev
        if p.warnings:
            frame.info["warnings"] = "; ".join(p.warnings)
        frames.append(frame)
    ase.io.write(str(path), frames, format="extxyz")
