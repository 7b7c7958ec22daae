"""A user's configuration file: read, looked up by dotted keys, and written anew with some values changed, types kept."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from perch.errors import StudyError, did_you_mean
from perch.programs.config.yamltext import dump_yaml, load_yaml

Document = dict[str, Any]
_MISSING = object()


WORDS: Final[dict[type, str]] = {str: "text", list: "list"}
"""What a file may hold instead of keys, in words."""


class Template:
    """A configuration file that trains. ``text`` is YAML, JSON or TOML, by the suffix of ``path``."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.format = _format(path)
        self.text = text
        try:
            values = _READ[self.format](text)
        except (yaml.YAMLError, ValueError) as error:
            raise StudyError(
                f"the template '{path}' is not {self.format.upper()}",
                why=" ".join(str(error).split()),
                fix="correct it, or give a file whose suffix says what it is: .yaml, .json, .toml",
            ) from error
        if not isinstance(values, dict):
            raise StudyError(
                f"the template '{path}' is not a configuration",
                why="it is empty" if values is None else f"it holds a {WORDS.get(type(values), 'value')} and no keys",
                fix="give a file of keys and values",
            )
        self.values: Document = values

    @classmethod
    def read(cls, path: Path) -> Template:
        """Read a file. Raises StudyError for one that is missing, not text, or not of its format."""
        try:
            return cls(str(path), path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            why = "no such file" if isinstance(error, FileNotFoundError) else str(error)
            raise StudyError(
                f"cannot read the template '{path}'", why=why, fix="give your configuration file that trains"
            ) from error

    def keys(self) -> Iterator[str]:
        """Every dotted key with a value that is no mapping."""
        yield from _leaves(self.values, "")

    def has(self, key: str) -> bool:
        """True when a dotted key is in the file."""
        return _find(self.values, key) is not _MISSING

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a dotted key."""
        found = _find(self.values, key)
        return default if found is _MISSING else found

    def check(self, key: str, value: Any, *, add: Collection[str] = ()) -> Any:
        """The value as the file's type has it; StudyError for a key that is not there or a value of another type."""
        if not self.has(key):
            if key in add:
                return value
            near = did_you_mean(key, self.keys())
            raise StudyError(
                f"'{key}' is not in the template '{self.path}'", why=near,
                fix="correct the key, write it into the template, or name it under trainable.add",
            )  # fmt: skip
        try:
            return like(self.get(key), value)
        except TypeError as error:
            raise StudyError(
                f"'{key}' cannot be {value!r}",
                why=f"the template holds {self.get(key)!r}, {error}",
                fix="give values of the same type",
            ) from error

    def render(self, changes: Mapping[str, Any], *, add: Collection[str] = ()) -> str:
        """The file's text with these values in it. Keys of ``add`` may be new; comments are not kept."""
        checked = {key: self.check(key, value, add=add) for key, value in changes.items()}
        if self.format == "yaml":
            return dump_yaml(self.text, checked)
        values = _READ[self.format](self.text)
        for key, value in checked.items():
            put(values, key, value)
        return json.dumps(values, indent=2) + "\n" if self.format == "json" else _toml(values)


def like(old: Any, new: Any) -> Any:
    """``new`` as the type of ``old``: a whole number where a real one was becomes real. Raises TypeError where it does not fit."""
    if old is None or new is None or isinstance(old, (list, dict)) != isinstance(new, (list, dict)):
        if isinstance(old, (list, dict)):
            raise TypeError("a list or a mapping")
        return new
    if isinstance(old, bool) or isinstance(new, bool):
        if isinstance(old, bool) and isinstance(new, bool):
            return new
        raise TypeError("a truth value" if isinstance(old, bool) else "no truth value")
    if isinstance(old, int):
        if isinstance(new, int) or (isinstance(new, float) and new.is_integer()):
            return int(new)
        raise TypeError("a whole number")
    if isinstance(old, float):
        if isinstance(new, (int, float)):
            return float(new)
        raise TypeError("a number")
    if isinstance(old, str) and not isinstance(new, str):
        raise TypeError("a text")
    return new


def put(values: Document, key: str, value: Any) -> None:
    """Set a dotted key, making the mappings on the way."""
    holder, last = _holder(values, key)
    if isinstance(holder, list):
        holder[int(last)] = value
    else:
        holder[last] = value


def _holder(values: Any, key: str) -> tuple[Any, str]:
    """The mapping or list that holds the last part of a dotted key; missing mappings are made."""
    for head, rest in _splits(key):
        inner = _step(values, head)
        if inner is not _MISSING and (not rest or isinstance(inner, (dict, list))):
            return _holder(inner, rest) if rest else (values, head)
    head, _, rest = key.partition(".")
    return _holder(values.setdefault(head, {}), rest) if rest else (values, head)


def _find(values: Any, key: str) -> Any:
    for head, rest in _splits(key):
        inner = _step(values, head)
        if inner is not _MISSING:
            found = _find(inner, rest) if rest else inner
            if found is not _MISSING:
                return found
    return _MISSING


def _step(values: Any, part: str) -> Any:
    if isinstance(values, dict):
        return values.get(part, _MISSING)
    if isinstance(values, list) and part.isdigit() and int(part) < len(values):
        return values[int(part)]
    return _MISSING


def _splits(key: str) -> Iterator[tuple[str, str]]:
    """A dotted key parted at each of its dots: keys may hold dots themselves."""
    parts = key.split(".")
    for count in range(1, len(parts) + 1):
        yield ".".join(parts[:count]), ".".join(parts[count:])


def _leaves(values: Any, prefix: str) -> Iterator[str]:
    items = values.items() if isinstance(values, dict) else enumerate(values)
    for key, value in items:
        name = f"{prefix}{key}"
        if (
            isinstance(value, (dict, list))
            and value
            and not all(isinstance(v, (int, float, str)) for v in (value if isinstance(value, list) else [value]))
        ):
            yield from _leaves(value, f"{name}.")
        else:
            yield name


def _format(path: str) -> str:
    suffix = Path(path).suffix.lower()
    return {".json": "json", ".toml": "toml"}.get(suffix, "yaml")


def _json(text: str) -> Any:
    return json.loads(text)


_READ: dict[str, Callable[[str], Any]] = {"yaml": load_yaml, "json": _json, "toml": tomllib.loads}


def _toml(values: Document) -> str:
    """TOML of plain values: scalars and lists before tables, as the format asks for."""
    lines: list[str] = []

    def table(node: Mapping[str, Any], path: tuple[str, ...]) -> None:
        for key, value in node.items():
            if not isinstance(value, dict):
                lines.append(f"{json.dumps(str(key))} = {_toml_value(value)}")
        for key, value in node.items():
            if isinstance(value, dict):
                inner = (*path, str(key))
                lines.append(f"\n[{'.'.join(map(json.dumps, inner))}]")
                table(value, inner)

    table(values, ())
    return "\n".join(lines) + "\n"


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml_value, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(k))} = {_toml_value(v)}" for k, v in value.items()) + "}"
    return str(value.isoformat())
