"""Words in braces, filled in: ``{config}``, ``{seed}``, and the trial's own hyperparameters."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from perch.errors import StudyError, did_you_mean

_NAME = re.compile(r"(?<!\$)\{([A-Za-z_][\w.\-/]*)\}")
"""``${…}`` belongs to shells and to Hydra and is left alone."""


def names(text: str) -> Iterator[str]:
    """The placeholders of a text."""
    for match in _NAME.finditer(text):
        yield match[1]


def fill(text: str, values: Mapping[str, Any], *, quote: bool = False) -> str:
    """The text with every known placeholder filled in; ``quote`` for a shell."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            return match[0]
        shown = show(values[match[1]])
        return shlex.quote(shown) if quote else shown

    return _NAME.sub(value, text)


def fill_value(value: Any, values: Mapping[str, Any]) -> Any:
    """A value of a configuration file filled in: a placeholder alone keeps its type, ``{epochs}`` is a number."""
    if isinstance(value, str):
        alone = _NAME.fullmatch(value)
        if alone and alone[1] in values:
            return values[alone[1]]
        return fill(value, values)
    if isinstance(value, list):
        return [fill_value(v, values) for v in value]
    if isinstance(value, dict):
        return {k: fill_value(v, values) for k, v in value.items()}
    return value


def texts(value: Any) -> Iterator[str]:
    """Every text in a nested value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)


def check(where: str, values: Any, known: Iterable[str]) -> None:
    """Raise StudyError for a placeholder that nothing fills."""
    all_known = list(known)
    for text in texts(values):
        for name in names(text):
            if name not in all_known:
                raise StudyError(
                    f"{where}: nothing is called '{{{name}}}'",
                    why=did_you_mean(name, all_known),
                    fix="correct it, or add it to the space",
                )


def show(value: Any) -> str:
    """A value as a word of a command: numbers as Python writes them, truth values in small letters."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)
