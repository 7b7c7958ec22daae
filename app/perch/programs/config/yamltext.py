"""YAML read and rewritten at the level of its nodes, so that what is not changed stays as its author wrote it.

``1e-3`` is a number for most programs and a text for PyYAML; ``yes`` is the reverse. Changing nodes, not values, keeps
both as they are, with quotes, anchors and tags. Comments are lost, but for those on top.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

FLOAT = re.compile(r"[-+]?(\d[\d_]*\.?[\d_]*|\.\d+)([eE][-+]?\d+)?$")
"""Numbers as YAML 1.2 and most programs read them: an exponent needs neither point nor sign."""


class _Loader(yaml.SafeLoader):
    """Values as most programs see them; unknown tags are read through."""


def _through(loader: _Loader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


def _text(loader: _Loader, node: yaml.ScalarNode) -> Any:
    value = loader.construct_scalar(node)
    if node.style is None and FLOAT.match(value) and any(c in value for c in "eE."):
        return float(value.replace("_", ""))
    return value


_Loader.add_constructor("tag:yaml.org,2002:str", _text)
_Loader.add_multi_constructor("!", _through)


def load_yaml(text: str) -> Any:
    """Plain values of a YAML document."""
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader


def dump_yaml(text: str, changes: Mapping[str, Any]) -> str:
    """The document with dotted keys set; keys that are not there are added."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if root is None:
        root = yaml.MappingNode("tag:yaml.org,2002:map", [])
    for key, value in changes.items():
        _set(root, key, value)
    return _header(text) + str(yaml.serialize(root, Dumper=yaml.SafeDumper, allow_unicode=True, width=1000))


def _header(text: str) -> str:
    """Comments on top of the file, which may mean something: ``# @package _global_`` does to Hydra."""
    lines = text.splitlines(keepends=True)
    return "".join(itertools.takewhile(lambda line: line.startswith("#"), lines))


def _node(value: Any) -> yaml.Node:
    """A value as a node. JSON is YAML, and is read alike by 1.1 and 1.2, but for floats that need a point for 1.1."""
    if isinstance(value, float):
        plain = repr(value)
        if "e" in plain and "." not in plain:
            plain = plain.replace("e", ".0e")
        return yaml.ScalarNode("tag:yaml.org,2002:float", plain)
    if isinstance(value, list):
        return yaml.SequenceNode("tag:yaml.org,2002:seq", [_node(v) for v in value], flow_style=True)
    if isinstance(value, dict):
        pairs = [(_node(str(k)), _node(v)) for k, v in value.items()]
        return yaml.MappingNode("tag:yaml.org,2002:map", pairs, flow_style=False)
    node = yaml.compose(json.dumps(value), Loader=yaml.SafeLoader)
    assert node is not None
    return node


def _set(node: yaml.Node, key: str, value: Any) -> None:
    parts = key.split(".")
    for count in range(len(parts), 0, -1):
        head, rest = ".".join(parts[:count]), ".".join(parts[count:])
        child = _child(node, head)
        if child is None:
            continue
        if not rest:
            _replace(node, head, _node(value))
            return
        if isinstance(child, (yaml.MappingNode, yaml.SequenceNode)):
            _set(child, rest, value)
            return
    head, _, rest = key.partition(".")
    new: yaml.Node = yaml.MappingNode("tag:yaml.org,2002:map", []) if rest else _node(value)
    assert isinstance(node, yaml.MappingNode)
    if _child(node, head) is None:
        node.value.append((_node(head), new))
    else:
        _replace(node, head, new)
    if rest:
        _set(new, rest, value)


def _child(node: yaml.Node, part: str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((v for k, v in node.value if k.value == part), None)
    if isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
        found: yaml.Node = node.value[int(part)]
        return found
    return None


def _replace(node: yaml.Node, part: str, new: yaml.Node) -> None:
    if isinstance(node, yaml.SequenceNode):
        node.value[int(part)] = new
        return
    node.value = [(k, new if k.value == part else v) for k, v in node.value]
