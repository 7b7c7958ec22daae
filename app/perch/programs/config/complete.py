"""A program's specification with everything filled in: the preset's part, the template's text, absolute paths."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from perch.command import Command
from perch.programs.config.template import Template
from perch.programs.presets import PRESETS
from perch.programs.process.child import find_program

MERGED: Final = ("set", "overwrite", "keys", "environment")
"""Mappings of a preset to which the study adds; what it says wins."""

DEFAULT_GRACE_S: Final = 10.0


def complete(command: Command, base: Path) -> Command:
    """The specification as a run keeps it; completing it once more changes nothing. ``base``: the study file's folder."""
    given: dict[str, Any] = {k: getattr(command, k) for k in command.model_fields_set}
    if command.preset is not None:
        preset = PRESETS.get(command.preset).defaults
        defaults: dict[str, Any] = {k: getattr(preset, k) for k in preset.model_fields_set}
        words = command.words
        if not isinstance(command.command, str) and len(words) == 1:
            given["command"] = [*words, *preset.words[1:]]  # the program alone: the preset knows its arguments
        for name in MERGED:
            given[name] = {**defaults.get(name, {}), **given.get(name, {})}
        given = {**defaults, **{k: v for k, v in given.items() if v is not None}}
    if given.get("grace") is None:
        given["grace"] = DEFAULT_GRACE_S
    if isinstance(given.get("command"), list):
        given["command"] = [*_absolute_words(given["command"], base)]
    if given.get("template") is not None:
        given.update(_template(given, base))
    return Command.model_validate({k: _plain(v) for k, v in given.items()})


def _absolute_words(words: list[str], base: Path) -> Iterator[str]:
    """Words that name a file next to the study become its path: every trial runs in a folder of its own."""
    for number, word in enumerate(words):
        path = base / word
        if number == 0 and "/" not in word and find_program(word, base) is not None:
            yield word
        elif not word.startswith("-") and "{" not in word and path.is_file():
            yield str(path.absolute())
        else:
            yield word


def _template(given: dict[str, Any], base: Path) -> dict[str, Any]:
    """The template's path, its text, and its relative paths made absolute."""
    path = (base / Path(given["template"]).expanduser()).absolute()
    text = given.get("template_text")
    template = Template(str(path), text) if text is not None else Template.read(path)
    overwrite = dict(given.get("overwrite") or {})
    for key in template.keys():  # noqa: SIM118 - not a mapping
        found = _absolute(template.get(key), path.parent, key in given.get("paths", ()))
        if found is not None and key not in overwrite:
            overwrite[key] = found
    return {
        "template": str(path),
        "template_text": template.text,
        "overwrite": overwrite,
        "config": given.get("config") or f"config{path.suffix or '.yaml'}",
    }


def _absolute(value: Any, folder: Path, is_path: bool) -> Any:
    """The value with paths made absolute; None where there is nothing to change."""
    if isinstance(value, list):
        new = [_absolute(v, folder, is_path) or v for v in value]
        return new if new != value else None
    if not isinstance(value, str) or not value or len(value) > 1000 or "\n" in value or Path(value).is_absolute():
        return None
    path = folder / value
    if is_path or (Path(value).suffix and path.is_file()):
        return str(path)
    return None


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return value.model_dump(exclude_unset=True) if hasattr(value, "model_dump") else value
