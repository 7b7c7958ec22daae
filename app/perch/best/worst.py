"""``best/worst.extxyz``: the test structures with the largest errors, for the report to draw."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from perch.atomic import replacing
from perch.data.prepare import read_structures
from perch.log.folder import RunFolder
from perch.study import Study

if TYPE_CHECKING:
    import pandas as pd

HOW_MANY = 10


def write_worst(study: Study, folder: RunFolder, cache: Path, predictions: pd.DataFrame) -> None:
    """Read the study's structures once more and keep those of the largest test errors, worst first."""
    import ase.io

    test = predictions[predictions["split"] == "test"]
    error_ev = (test["prediction_ev"] - test["target_ev"]).abs().sort_values(ascending=False, kind="stable")
    chosen = [str(name) for name in test.loc[error_ev.index, "id"].head(HOW_MANY)]
    if not chosen:
        return
    structures = read_structures(study.data, base=Path(study.base), cache=cache)
    by_id = dict(zip(map(str, structures.ids), structures.atoms, strict=True))
    frames = []
    for name in chosen:
        frame = by_id[name].copy()
        frame.calc, frame.info, frame.constraints = None, {"id": name}, []
        for extra in set(frame.arrays) - {"numbers", "positions", "tags"}:
            del frame.arrays[extra]
        frames.append(frame)
    with replacing(folder.best / "worst.extxyz") as temporary:
        ase.io.write(str(temporary), frames, format="extxyz")
