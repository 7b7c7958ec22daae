"""From a configuration to a command: which words are run, with which file and environment."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perch.command import Command, Resume
from perch.programs.config import placeholders
from perch.programs.config.template import Template
from perch.programs.process.child import environment
from perch.vocabulary import NO_GPUS


@dataclass(frozen=True)
class Start:
    """What one start of a program is: words, environment, and the text of its configuration file."""

    words: list[str]
    env: dict[str, str]
    text: str | None


def seed_of(study_seed: int, key: str) -> int:
    """A seed below 2**31, a function of the study's seed and the trial's key alone."""
    digest = hashlib.sha256(f"{study_seed}/program/{key}".encode()).digest()
    return int.from_bytes(digest[:4], "big") & 0x7FFFFFFF


def targets(spec: Command, parameter: str) -> list[str]:
    """The dotted keys that a hyperparameter sets."""
    keys = spec.set.get(parameter, parameter)
    return [keys] if isinstance(keys, str) else list(keys)


def used_in_words(spec: Command) -> set[str]:
    """Placeholders of the command, the environment and what is overwritten."""
    resume = spec.resume if isinstance(spec.resume, Resume) else Resume()
    values: list[Any] = [spec.words, dict(spec.environment), dict(spec.overwrite), resume.model_dump()]
    return {name for text in placeholders.texts(values) for name in placeholders.names(text)}


def names_config(spec: Command) -> bool:
    """True when the command says where the trial's configuration file is, in a placeholder or by its name."""
    given = [*spec.words, *spec.environment.values()]
    places = {"config", "config_dir", "config_name", "trial_dir"}
    return any(places & {*placeholders.names(text)} or (spec.config or "") in text for text in given)


def changes(
    spec: Command, template: Template, config: Mapping[str, Any], values: Mapping[str, Any], *, resuming: bool
) -> dict[str, Any]:
    """Dotted key → value of a trial's configuration file."""
    out: dict[str, Any] = dict(_filled(spec.overwrite, values))
    words = used_in_words(spec)
    for parameter, value in config.items():
        for key in targets(spec, parameter):
            if template.has(key) or key in spec.add or parameter not in words:
                out[key] = value
    if resuming and isinstance(spec.resume, Resume):
        out.update(_filled(spec.resume.overwrite, values))
    return out


def _filled(overwrite: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in overwrite.items():
        yield key, placeholders.fill_value(value, values)


def added(spec: Command) -> set[str]:
    """Keys that a trial's configuration file may have though the template lacks them."""
    resume = spec.resume.overwrite if isinstance(spec.resume, Resume) else {}
    return {*spec.add, *spec.overwrite, *resume}


def prepare(
    spec: Command,
    config: Mapping[str, Any],
    values: Mapping[str, Any],
    *,
    resuming: bool,
    hide_gpus: bool = False,
) -> Start:
    """What to run for a configuration. ``values``: what the placeholders stand for, but for hyperparameters.

    ``hide_gpus``: the program sees none, unless its own ``environment`` says otherwise.
    """
    everything = {**config, **values}
    text = None
    if spec.template is not None and spec.template_text is not None:
        template = Template(spec.template, spec.template_text)
        text = template.render(changes(spec, template, config, everything, resuming=resuming), add=added(spec))
    words = spec.words
    if resuming and isinstance(spec.resume, Resume):
        words = [*(spec.resume.command or words), *spec.resume.arguments]
    shell = isinstance(spec.command, str)
    filled = [placeholders.fill(word, everything, quote=shell and n == 2) for n, word in enumerate(words)]
    cpus = str(max(int(values["cpus"]), 1))
    extra = {k: placeholders.fill(v, everything) for k, v in spec.environment.items()}
    return Start(filled, environment({"OMP_NUM_THREADS": cpus, **(NO_GPUS if hide_gpus else {}), **extra}), text)


def standard_values(spec: Command, folder: Path, **known: Any) -> dict[str, Any]:
    """What the placeholders stand for, for a program that runs in ``folder``."""
    config = folder / (spec.config or "config.yaml")
    return {
        "config": str(config), "config_dir": str(config.parent), "config_name": config.stem,
        "trial_dir": str(folder), "checkpoint": "", **known,
    }  # fmt: skip
