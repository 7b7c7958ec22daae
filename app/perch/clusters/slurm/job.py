"""What one job asks of Slurm, and what a study needs of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from perch.clusters.slurm import walltime
from perch.command import Command
from perch.errors import PerchError
from perch.programs.config.complete import complete
from perch.programs.config.template import Template
from perch.study import load

RUN: Final = ("--out", "$PERCH_OUT", "--run-id", "$PERCH_RUN_ID")
"""The arguments that name the run's folder, as the batch script fills them in."""


@dataclass(frozen=True)
class Job:
    """What one job asks for. ``time`` as Slurm writes it; ``needed``: files and folders that every node must see."""

    run_id: str
    command: tuple[str, ...]
    nodes: int = 1
    cpus_per_node: int = 8
    gpus_per_node: int | None = None
    memory: str | None = None
    time: str = "08:00:00"
    out: str | None = None
    needed: tuple[str, ...] = ()
    stage_data: str | None = None
    code: str | None = None
    min_nodes: int | None = None
    array: str | None = None
    title: str = ""


def job_for(
    study: Path | None,
    arguments: tuple[str, ...] = (),
    *,
    time: str,
    run_id: str | None = None,
    out: Path | None = None,
    code: Path | None = None,
    stage_data: bool = False,
    nodes: int = 1,
    cpus_per_node: int = 8,
    gpus_per_node: int | None = None,
    memory: str | None = None,
    min_nodes: int | None = None,
) -> Job:
    """What a study needs of a job: its file, its data, its template, and a name that stays the same when it is submitted again."""
    duration = walltime.write(walltime.read(time))
    spec = load(study)
    needed = [str(study.absolute())] if study else []
    data = spec.data.path
    if data and "://" not in data:
        needed.append(str(spec.path(data).absolute()))
    staged = needed[-1] if stage_data and data and "://" not in data else None
    if spec.program is not None:
        needed += [str(path) for path in _of_program(spec.program, Path(spec.base))]
    words = ("run", *needed[:1], *arguments) if study else ("run", *arguments)
    return Job(
        run_id=run_id or default_run_id(spec.name, spec.strategy_name),
        command=(*words, *RUN),
        nodes=nodes,
        cpus_per_node=cpus_per_node,
        gpus_per_node=gpus_per_node,
        memory=memory,
        time=duration,
        out=str(out.absolute()) if out else None,
        needed=tuple(dict.fromkeys(needed)),
        stage_data=staged,
        code=str(code.absolute()) if code else None,
        min_nodes=min_nodes,
    )


def default_run_id(name: str, strategy: str) -> str:
    """A name for folder and job: study and strategy, other signs than letters, digits, ``.``, ``_`` and ``-`` left out."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", f"{name}-{strategy}").strip("-.") or strategy


def _of_program(program: Command, base: Path) -> Iterator[Path]:
    """What the program needs of the file system: its template, files that this names, and the environment that it lies in."""
    if program.template is not None:
        yield (base / program.template).absolute()
        yield from _named_by_template(program, base)
    first = Path(program.words[0]) if program.words else Path()
    if "/" not in str(first):
        return
    file = (base / first).absolute()
    prefix = file.parent.parent
    is_environment = (prefix / "pyvenv.cfg").is_file() or (prefix / "conda-meta").is_dir()
    whole = file.parent.name == "bin" and (is_environment or not file.exists())  # unseen: taken for an environment
    if not file.is_relative_to("/usr") and not file.is_relative_to("/bin"):
        yield prefix if whole else file


def _named_by_template(program: Command, base: Path) -> Iterator[Path]:
    """Files of the template's values, their paths made absolute as in a run; none where the template cannot be seen from here."""
    try:
        completed = complete(program, base)
    except PerchError:  # the check of the study says what is wrong with it
        return
    assert completed.template is not None and completed.template_text is not None
    template = Template(completed.template, completed.template_text)
    for value in [*completed.overwrite.values(), *map(template.get, template.keys())]:
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, str) and each.startswith("/") and len(each) < 1000 and Path(each).is_file():
                yield Path(each)
