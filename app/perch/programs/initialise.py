"""``perch init``, step by step: read the template, write the study, check it, probe it, say what it costs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from perch.atomic import replacing
from perch.errors import StudyError
from perch.formatting import duration, short_path
from perch.programs.config.check import check_program
from perch.programs.config.complete import complete
from perch.programs.config.template import Template
from perch.programs.draft import draft
from perch.programs.presets import PRESETS
from perch.programs.probe import Probe, cost_s, probe, workers
from perch.programs.process.version import installed_version
from perch.study import Study, parse, read_yaml

Say = Callable[[str], object]


def initialise(
    name: str, path: Path, program: str | None, out: Path | None, *, train: bool, force: bool, say: Say
) -> int:
    """Write a study. Nothing is written before everything that can be checked without training has been; returns 0."""
    preset = PRESETS.get(name)
    template = Template.read(path.absolute())
    target = (out or path.absolute().with_name(f"{name}-study.yaml")).absolute()
    if target.exists() and not force:
        raise StudyError(f"'{target}' exists", why="it would be written over", fix="give --out, or --force")
    if target.parent != path.absolute().parent:
        raise StudyError(
            f"--out {target}: the study must lie next to the template",
            why="it names the template by its relative path",
            fix=f"write it into {path.absolute().parent}",
        )
    if preset.metric is None:
        raise StudyError(
            f"perch init cannot draft a study of {preset.title}",
            why="keys and metric differ from program to program",
            fix="write it by hand: docs/how-to/any-program.md",
        )
    made = draft(preset, template, program, f"{name}-{path.stem}")
    study = parse({**read_yaml(made.text, str(target)), "base": str(target.parent)}, str(target))
    assert study.program is not None
    spec = complete(study.program, target.parent)
    study = study.model_copy(update={"trainable": spec})
    check_program(study, spec)
    version = installed_version(spec.words[0], target.parent, preset.distribution)
    with replacing(target) as part:
        part.write_text(made.text, encoding="utf-8")
    say(
        f"{short_path(target)}: {preset.title} {version or '(version not known)'}, {len(study.search_space.dimensions)} keys searched"
    )
    if version is not None and version != preset.version:
        say(f"  note: the preset was tried with {preset.version}")
    if made.left_out:
        say(f"  not searched, as the template lacks them: {', '.join(made.left_out)}")
    if train:
        say(f"  training two epochs of what the template holds ({spec.words[0]}) …")
        for line in cost_lines(study, probe(study, spec, made.point)):
            say(line)
    say(f"  next:  perch run {short_path(target)}")
    return 0


def cost_lines(study: Study, found: Probe) -> Iterator[str]:
    """What the probe showed, and what a campaign would cost by it."""
    values = ", ".join(f"{k} {v:.4g}" for k, v in found.values.items())
    memory = f", peak memory {found.peak_memory_bytes / 1e9:.2f} GB" if found.peak_memory_bytes else ""
    yield f"  start-up {duration(found.startup_s)}, an epoch {duration(found.epoch_s)}, stopping {duration(found.stop_s)}{memory}"
    yield f"  after the probe: {values}"
    if found.checkpoint is not None:
        yield f"  a whole checkpoint came: {found.checkpoint}"
    search_s, confirm_s = cost_s(study, found)
    at_once = workers(study, len(os.sched_getaffinity(0)))
    yield (
        f"  {study.budget.trials} trials under asha: about {duration(search_s)} of worker time, and {duration(confirm_s)} to confirm; "
        f"here, {at_once} at once: {duration((search_s + confirm_s) / at_once)}"
    )
    yield "  larger models and smaller batches take longer than the probe did"
