"""``perch init`` for structures: the study is written once everything that can be checked without training has been."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from perch.atomic import replacing
from perch.beginning.questions import Answers, Ask, complete
from perch.beginning.study_text import study_text
from perch.data.inspect.guess import data_spec
from perch.data.prepare import read_structures
from perch.data.reading.locate import is_address
from perch.data.reading.source import SOURCES
from perch.data.reading.target import key_table
from perch.data.refuse import refuse_structures, refuse_targets
from perch.data.split import make_splits
from perch.errors import StudyError
from perch.formatting import short_path
from perch.study import Study, parse, read_yaml

Say = Callable[[str], object]


def begin(given: Answers, out: Path | None, *, force: bool, ask: Ask | None, say: Say) -> int:
    """Ask what is missing, write the study, and say what it found; returns 0. Raises a PerchError before anything is written."""
    answers = complete(given, numeric_keys, ask)
    assert answers.data is not None
    target = (out or Path(f"{answers.name}.yaml")).absolute()
    if target.exists() and not force:
        raise StudyError(f"'{short_path(target)}' exists", why="it would be written over", fix="give --out, or --force")
    if not target.parent.is_dir():
        raise StudyError(
            f"cannot write '{short_path(target)}'", why=f"there is no folder {target.parent}", fix="make it first"
        )
    spec, _base = data_spec(answers.data, {"target": answers.target}, [])
    path = spec.path if spec.path is None or is_address(spec.path) else os.path.relpath(spec.path, target.parent)
    if path is None:
        raise StudyError(
            f"'{answers.data}' is no file of structures",
            why="it is a source of its own",
            fix="perch run --set data.source=…",
        )
    text = study_text(answers, spec.source, path)
    study = parse({**read_yaml(text, str(target)), "base": str(target.parent)}, short_path(target))
    found = _check(study)
    with replacing(target) as part:
        part.write_text(text, encoding="utf-8")
    say(f"{short_path(target)}: {found}")
    say(f"  look at the data:  perch data inspect {short_path(target)}")
    say(f"  run it:            perch run {short_path(target)}")
    return 0


def numeric_keys(source: str) -> Sequence[str]:
    """Keys of a file that hold numbers, for people to choose a target from. Raises DataError for what cannot be read."""
    spec, base = data_spec(source, {}, [])
    reader = SOURCES.get(spec.source)
    entries = reader.read(spec, None if spec.path is None else base / spec.path, None)
    return [key for key, text in key_table(entries).items() if " numbers" in text]


def _check(study: Study) -> str:
    """Read the structures and split them, as a run would; returns what was found in a line."""
    structures = read_structures(study.data, base=Path(study.base))
    refuse_targets(structures, study.data)
    refuse_structures(structures, study.data.path or "")
    split = make_splits(study.data.split, structures.groups, structures.ids, Path(study.base))[0]
    low, high = structures.target_ev.min(), structures.target_ev.max()
    sides = f"{len(split.train)} to train on, {len(split.validation)} to validate, {len(split.test)} to test"
    return f"{len(structures)} structures, target {low:.3g} … {high:.3g} eV; {sides}"
