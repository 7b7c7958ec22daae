"""The study that a run folder keeps."""

from __future__ import annotations

from perch.atomic import replacing
from perch.log.folder import RunFolder, check_is_run
from perch.study import Study, dump, parse, read_yaml


def load_study(folder: RunFolder) -> Study:
    """The study of a run folder."""
    check_is_run(folder)
    return parse(read_yaml(folder.study.read_text(encoding="utf-8"), str(folder.study)), str(folder.study))


def keep_study(folder: RunFolder, study: Study) -> None:
    """Write the study of a run folder, whole or not at all."""
    with replacing(folder.study) as path:
        path.write_text(dump(study), encoding="utf-8")
