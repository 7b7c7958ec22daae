"""Before anything is queued: is all there that the job will need, and can it be read from here?"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from perch.clusters.slurm.job import Job
from perch.clusters.slurm.refuse import bad
from perch.clusters.slurm.site import Site
from perch.errors import StudyError
from perch.study import Study


def check(job: Job, site: Site, study: Study, environment: Mapping[str, str] = os.environ) -> Iterator[str]:
    """Look at SIF, code folder, study, data, program and trainable; yield a line for each that cannot be seen from here.

    A path that is missing is refused (ClusterError, StudyError or DataError, exit 2). Inside a container a path whose top
    folder is not there at all is only *unchecked*: it may not be shown inside.
    """
    contained = bool(environment.get("APPTAINER_CONTAINER") or environment.get("SINGULARITY_CONTAINER"))
    places = [("the SIF", site.sif, "site file: sif"), ("the code folder", job.code, "--code")]
    places += [("a bound folder", bind.split(":")[0], "site file: binds") for bind in site.binds]
    hidden = False
    for what, path, where in places:
        if path is None:
            continue
        if not Path(path).exists():
            if not (contained and _out_of_sight(Path(path))):
                raise bad(
                    f"{what} '{path}' is not there",
                    why=f"{where} names it; the nodes will look for it under this path",
                    fix="correct the path, or make it",
                )
            hidden = hidden or what == "the code folder"
            yield f"unchecked: {what} '{path}' cannot be seen in this container"
    if job.code is not None and Path(job.code).exists() and not Path(job.code).is_dir():
        raise bad(f"--code {job.code}", why="it is a file", fix="name the folder that your module lies in")
    for path in job.needed:
        if not os.access(path, os.R_OK) and contained and _out_of_sight(Path(path)):
            hidden = True
            yield f"unchecked: '{path}' cannot be seen in this container"
    if hidden:
        yield "unchecked: the study's data and trainable, since not all of it can be seen; --bind shows more"
        return
    yield from _content(job, study, contained)


def _content(job: Job, study: Study, contained: bool) -> Iterator[str]:
    from perch.runs.check import check_content
    from perch.runs.resolve import resolved
    from perch.trainables import kind_of

    if job.code is not None:
        sys.path.insert(0, job.code)
    try:
        check_content(kind_of(resolved(study)))
    except StudyError as error:
        cause = error.__cause__
        if isinstance(cause, ModuleNotFoundError) and not contained and not _is_ours(cause.name, study):
            yield f"unchecked: the trainable imports '{cause.name}', which only the image may have"
            return
        if job.code is not None and cause is not None:
            raise StudyError(error.what, why=error.why, fix=f"--code names {job.code}; {error.fix}") from error
        raise
    finally:
        if job.code is not None:
            sys.path.remove(job.code)


def _is_ours(missing: str | None, study: Study) -> bool:
    """Whether the module that is missing is the one that the study names."""
    return (missing or "").split(".")[0] == study.trainable_name.partition(":")[0].split(".")[0]


def _out_of_sight(path: Path) -> bool:
    """Whether the top folder of a path is missing: ``/scratch`` of ``/scratch/me/data.db``."""
    return len(path.parts) > 1 and not Path(*path.parts[:2]).exists()
