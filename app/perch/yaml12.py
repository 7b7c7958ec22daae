"""YAML as YAML 1.2 reads it (core schema, https://yaml.org/spec/1.2.2/#103-core-schema); PyYAML by itself reads 1.1.

``1e-4``, ``.5e-3`` and ``+1e3`` are numbers, ``on``, ``off``, ``yes`` and ``no`` are texts, and so are dates and ``1:30``.
Beyond the schema, ``10_000`` is a number, as in Python and TOML, and a key that stands twice in a mapping is an error.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any, Final

import yaml

FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")
"""A number with a point or an exponent, or neither."""
INT: Final = re.compile(r"([-+]?[0-9]{1,3}(_[0-9]{3})+|[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$")
_NOT_FINITE: Final = re.compile(r"([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$")
_BOOL: Final = re.compile(r"(true|True|TRUE|false|False|FALSE)$")
_NULL: Final = re.compile(r"(~|null|Null|NULL|)$")


class _Loader(yaml.SafeLoader):
    """A safe loader with the resolvers of YAML 1.2 alone."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's name and type

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping, each key of it once."""
        seen: set[str] = set()
        for key, _value in node.value:
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key.value}' stands twice", key.start_mark
                )
            if isinstance(key, yaml.ScalarNode):
                seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


class _Dumper(yaml.SafeDumper):
    """Quotes a text that YAML 1.1 or 1.2 would read as something else, so that either reads back what was written."""


def _number(loader: _Loader, node: yaml.ScalarNode) -> int:
    text = loader.construct_scalar(node).replace("_", "")
    return int(text, 0) if text[:2] in ("0o", "0x") else int(text)


_RESOLVED: Final = (
    ("bool", _BOOL, "tTfF"),
    ("int", INT, "-+0123456789"),
    ("float", FLOAT, "-+.0123456789"),
    ("float", _NOT_FINITE, "-+."),
    ("null", _NULL, ["~", "n", "N", ""]),
    ("merge", re.compile("<<$"), "<"),
)
for _tag, _pattern, _first in _RESOLVED:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _pattern, list(_first))
_Loader.add_constructor("tag:yaml.org,2002:int", _number)
for _pattern in (INT, FLOAT):
    _Dumper.add_implicit_resolver("tag:yaml.org,2002:float", _pattern, list("-+.0123456789"))


def load(text: str) -> Any:
    """The values of a document. Raises yaml.YAMLError, with the place where one is known."""
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets without end
        raise yaml.YAMLError(str(error)) from error


def dump(value: Any, **options: Any) -> str:
    """A value as YAML that 1.1 and 1.2 read alike; ``options`` as for ``yaml.dump``, keys in their own order."""
    return str(yaml.dump(value, Dumper=_Dumper, **{"sort_keys": False, "allow_unicode": True, **options}))


def looks_numeric(value: Any) -> bool:
    """True for a text that a person would take for a number: ``'1e-4'``, ``'0.5 '``, ``'1_000'``, ``'1,5'``."""
    if not isinstance(value, str):
        return False
    text = value.strip().replace("_", "")
    return bool(FLOAT.match(text) or FLOAT.match(text.replace(",", ".", 1)))
