"""The study that a run folder keeps."""

from __future__ import annotations

from perch.errors import RecordError
from perch.log.folder import RunFolder
from perch.study import Study, parse, read_yaml


def load_study(folder: RunFolder) -> Study:
    """The study of a run folder."""
    if not folder.study.is_file():
        raise RecordError(
            f"'{folder.path}' is not a run",
            why="it holds no study.yaml" if folder.path.is_dir() else "no such folder",
            fix="give the folder of a run: OUT/<run id>",
        )
    return parse(read_yaml(folder.study.read_text(encoding="utf-8"), str(folder.study)), str(folder.study))
