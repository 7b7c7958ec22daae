"""A first study of a program, from its preset and a configuration file that trains: commented, checked, ready to run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perch import yaml12
from perch.errors import StudyError
from perch.programs.config.template import Template
from perch.programs.preset import Preset, Searched

TRIALS = 60


@dataclass(frozen=True)
class Draft:
    """A study file's text. ``point``: what the template holds, where the search begins. ``left_out``: offered keys that it lacks."""

    text: str
    point: Mapping[str, Any]
    epochs: int
    left_out: tuple[str, ...]


def draft(preset: Preset, template: Template, program: str | None, name: str) -> Draft:
    """Write a study. Raises StudyError for a template that would spoil it, or one with nothing to search.

    ``program``: the command's first word, where it is not the preset's own.
    """
    for what, why, fix in preset.problems(template):
        raise StudyError(what, why=why, fix=fix)
    check_paths(preset, template)
    offered = [s for s in preset.space if preset.offers(template, s.key)]
    kept = [(s, _including(s.spec, template.get(s.key))) for s in offered if _plain(template.get(s.key))]
    if not kept:
        raise StudyError(
            f"'{template.path}' holds none of the keys that {preset.title} offers for a search",
            why=f"offered are: {', '.join(s.key for s in offered) or 'none'}", fix="write those to be searched into it, with the values that you use now",
        )  # fmt: skip
    epochs = template.get(preset.epochs_key or "", None)
    epochs = epochs if isinstance(epochs, int) and epochs > 0 else 81
    point = {s.key: _as(spec, template.get(s.key)) for s, spec in kept}
    left_out = tuple(s.key for s in offered if s not in [k for k, _ in kept])
    lines = _lines(preset, template, program, name, kept, point, epochs, left_out)
    return Draft("\n".join(lines) + "\n", point, epochs, left_out)


def check_paths(preset: Preset, template: Template) -> None:
    """Raise StudyError for a file that the template names and that is not there."""
    for key in preset.defaults.paths:
        value = template.get(key)
        for path in value if isinstance(value, list) else [value]:
            if not isinstance(path, str) or not path or "$" in path or any(c in path for c in "*?["):
                continue
            found = Path(template.path).parent / path
            if not found.exists():
                raise StudyError(
                    f"{key}: '{path}' is not there",
                    why=f"looked for at {found}",
                    fix=f"correct it in '{template.path}'",
                )


def _plain(value: Any) -> bool:
    """True for a value that can be searched around: no interpolation, no list."""
    return isinstance(value, (bool, int, float)) or (isinstance(value, str) and "${" not in value)


def _including(spec: Mapping[str, Any], value: Any) -> dict[str, Any]:
    """The range, widened to hold the value that is in use."""
    out = dict(spec)
    for kind in ("float", "int"):
        if kind in out and isinstance(value, (int, float)):
            low, high = out[kind]
            out[kind] = [min(low, value), max(high, value)]
    if "choice" in out and value not in out["choice"]:
        values = [*out["choice"], value]
        out["choice"] = sorted(values) if all(isinstance(v, (int, float)) for v in values) else values
    return out


def _as(spec: Mapping[str, Any], value: Any) -> Any:
    return float(value) if "float" in spec else value


def _lines(
    preset: Preset, template: Template, program: str | None, name: str, kept: list[tuple[Searched, dict[str, Any]]],
    point: Mapping[str, Any], epochs: int, left_out: tuple[str, ...],
) -> Iterator[str]:  # fmt: skip
    yield f"# A study of {preset.title}, from {Path(template.path).name}. Every key: docs/reference/study-file.md"
    yield f"name: {json.dumps(name)}"
    yield "trainable:"
    yield f"  preset: {preset.name}   # tried with {preset.version}; anything that it fills in can be said here, and wins"
    if program is not None:
        yield f"  command: [{json.dumps(program)}]"
    yield f"  template: {json.dumps(Path(template.path).name)}   # read once, when the run begins"
    yield "space:   # prior: where the named source has its best values; its share of the suggestions falls as the run goes on"
    for searched, spec in kept:
        memory = "; decides what fits the memory" if searched.memory else ""
        prior = {} if searched.prior is None else {"prior": dict(searched.prior)}
        yield f"  {searched.key}: {_flow({**spec, **prior})}   # {searched.source}{memory}"
    if left_out:
        yield f"  # also offered, once the template holds them: {', '.join(left_out)}"
    yield "points:   # evaluated first: what the template holds"
    yield f"- {_flow(point)}"
    metrics = ", ".join(preset.defaults.keys)
    yield f"metric: {preset.metric}   # recorded are: {metrics}"
    yield f"epochs: {epochs}   # as in the template; schedules that hang on it stay true"
    yield "strategy: asha   # 'perch strategies' lists the others"
    yield f"budget: {{trials: {TRIALS}}}   # or {{time: 8h}}"
    yield "confirm: {share: 0.5}   # the most promising and the first point are trained anew with fresh seeds, for at most half of the search"
    yield "resources: {cpus: 1}   # of one trial; {gpus: 1} or a part of one where there are any"
    for trap in preset.traps:
        yield f"# {trap}"


def _flow(value: Mapping[str, Any]) -> str:
    """A mapping in one line of YAML."""
    return yaml12.dump(dict(value), default_flow_style=True, width=10_000).strip()
