"""What can be wrong with a study of a program, found before anything starts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from perch.command import PLACEHOLDERS, Command, Key, Resume
from perch.dimension import Choice
from perch.errors import StudyError, did_you_mean
from perch.programs.config import placeholders
from perch.programs.config.configure import added, changes, targets, used_in_words
from perch.programs.config.template import Template
from perch.programs.presets import PRESETS
from perch.programs.process.child import find_program
from perch.programs.process.version import missing_interpreter
from perch.space import Config, Space
from perch.study import DataSpec, Study

SCRIPTS: Final = (".py", ".sh", ".jl", ".R", ".lua")
"""Suffixes by which a command's second word is known for a script that its first one reads."""

CONTAINERS: Final = ("APPTAINER_CONTAINER", "SINGULARITY_CONTAINER", "KUBERNETES_SERVICE_HOST")
"""Variables of a process in a container of Slurm's or Kubernetes' sites."""


def check_program(study: Study, spec: Command) -> None:
    """Raise StudyError for the first thing that is wrong. ``spec`` is completed."""
    _check_command(spec, Path(study.base))
    space = study.search_space
    known = [*PLACEHOLDERS, *space.dimensions, *space.fixed]
    for name in (*space.dimensions, *space.fixed):
        if name in PLACEHOLDERS:
            raise StudyError(
                f"space.{name}: the name means {PLACEHOLDERS[name]}",
                why="{" + name + "} would be ambiguous",
                fix="name the hyperparameter otherwise",
            )
    placeholders.check("trainable.command", spec.words, known)
    placeholders.check("trainable.environment", dict(spec.environment), known)
    placeholders.check("trainable.overwrite", dict(spec.overwrite), known)
    if isinstance(spec.resume, Resume):
        placeholders.check("trainable.resume", spec.resume.model_dump(), known)
    _check_keys(study, spec, space)
    if spec.keys and study.metric not in spec.keys:
        raise StudyError(
            f"metric: the program's numbers hold no '{study.metric}'",
            why=did_you_mean(study.metric, spec.keys),
            fix="name one of trainable.keys",
        )
    _check_groups(study, spec)
    if not spec.can_resume and study.checkpoints == "all":
        raise StudyError(
            "checkpoints: all, and the program cannot resume",
            why="trainable.resume is none",
            fix="say how it resumes, or leave checkpoints out",
        )
    if study.data != DataSpec():
        raise StudyError(
            "data: plays no part", why="the program reads its own, which its template names", fix="remove the section"
        )


def _check_command(spec: Command, base: Path) -> None:
    contained = any(name in os.environ for name in CONTAINERS)
    here = ", as this container sees it" if contained else ""
    shown = (
        "; in a container, let it show that folder under the same path: docs/how-to/programs-on-clusters.md"
        if contained
        else ""
    )
    word = spec.words[0]
    program = find_program(word, base)
    if program is None:
        path = Path(word) if Path(word).is_absolute() else base / word
        why = f"'{path}' is not executable" if path.is_file() else "it is neither a file nor a program on PATH"
        raise StudyError(
            f"trainable.command: '{word}' cannot be run",
            why=why + here,
            fix="give its path, /envs/mace/bin/mace_run_train, say, or an interpreter first: [python, train.py]"
            + shown,
        )
    missing = missing_interpreter(program)
    if missing is not None:
        raise StudyError(
            f"trainable.command: '{word}' cannot be run",
            why=f"its first line names the interpreter '{missing}', which is not there{here}",
            fix="make the environment where it lies: it cannot be moved, and its own Python must be there too" + shown,
        )

    if isinstance(spec.command, str):
        _check_text(spec.command, base)
        return
    script = spec.words[1] if len(spec.words) > 1 else ""
    if Path(script).suffix in SCRIPTS and "{" not in script and not (base / script).is_file():
        near = [p.name for p in base.iterdir() if p.suffix == Path(script).suffix] if base.is_dir() else []
        raise StudyError(
            f"trainable.command: there is no file '{base / script}'{here}",
            why=did_you_mean(script, near) if near else "a trial runs in a folder of its own, where nothing of that name lies",
            fix="give the script's path, from the study's folder or in full" + shown,
        )  # fmt: skip


def _check_text(text: str, base: Path) -> None:
    """A shell looks for a script in the trial's folder, not in the study's."""
    for word in re.findall(r"[^\s;&|()<>\"']+", text):
        path = base / word
        if (
            path.suffix in SCRIPTS
            and not Path(word).is_absolute()
            and path.is_file()
            and not re.search(r"\bcd\s", text)
        ):
            raise StudyError(
                f"trainable.command: the shell would not find '{word}'",
                why="a text is given to a shell as it is, in the trial's own folder; only words of a list become paths",
                fix=f"write a list, [python, {word}, …], or the full path, {path}",
            )


def _check_groups(study: Study, spec: Command) -> None:
    """A pattern finds what its groups are called, nothing else."""
    if spec.metrics is None or spec.metrics.pattern is None:
        return
    groups = [g for g in re.compile(spec.metrics.pattern).groupindex if g != spec.metrics.epoch]
    for name, key in (spec.metric_keys() or {study.metric: Key(key=study.metric)}).items():
        if key.key not in groups:
            where = f"trainable.keys.{name}" if spec.keys else "metric"
            raise StudyError(
                f"{where}: the pattern of trainable.metrics has no group '{key.key}'",
                why=did_you_mean(key.key, groups),
                fix=f"name the group: (?P<{key.key}>\\S+), or correct {where}",
            )


def _check_keys(study: Study, spec: Command, space: Space) -> None:
    """Every hyperparameter goes somewhere, and every value of it fits the template."""
    words = used_in_words(spec)
    if spec.template is None or spec.template_text is None:
        for name in (*space.dimensions, *space.fixed):
            if name not in words:
                raise StudyError(
                    f"space.{name} goes nowhere", why="there is no template, and no {" + name + "} in the command",
                    fix="add [--" + name + ', "{' + name + '}"] to the command, or name a template',
                )  # fmt: skip
        return
    template = Template(spec.template, spec.template_text)
    for name in (*space.dimensions, *space.fixed):
        for key in targets(spec, name):
            if name in words and not template.has(key):
                continue
            if key in spec.overwrite:
                raise StudyError(
                    f"space.{name} sets '{key}', and so does trainable.overwrite",
                    why="one of them would be lost",
                    fix="remove one",
                )
    standard = dict.fromkeys(PLACEHOLDERS, "x") | {"seed": 1, "cpus": 1, "gpus": 0, "epochs": study.epochs}
    for config in corners(space):
        for resuming in (False, True) if spec.can_resume else (False,):
            made = changes(spec, template, config, {**config, **standard}, resuming=resuming)
            template.render(made, add=added(spec))
    if spec.preset is not None:
        for what, why, fix in PRESETS.get(spec.preset).problems(template):
            raise StudyError(what, why=why, fix=fix)


def corners(space: Space) -> Iterator[Config]:
    """Configurations in which every end of every range and every choice occurs."""
    values: dict[str, list[Any]] = {
        k: list(d.values) if isinstance(d, Choice) else [d.low, d.high] for k, d in space.dimensions.items()
    }
    for number in range(max((len(v) for v in values.values()), default=1)):
        yield {**{k: v[min(number, len(v) - 1)] for k, v in values.items()}, **space.fixed}
