"""A trial's configuration as the user's own Python trainable finds it: seed filled in, dotted keys nested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perch.errors import StudyError


def own_config(config: Mapping[str, Any], *, seed: int, epochs: int) -> dict[str, Any]:
    """What is added to a configuration: ``"{seed}"`` and ``"{epochs}"`` as numbers, and dotted keys as nested mappings.

    The dotted keys themselves stay. Raises StudyError where one key is another's mapping.
    """
    known = {"{seed}": seed, "{epochs}": epochs}
    filled = {k: known[v] if isinstance(v, str) and v in known else v for k, v in config.items()}
    out: dict[str, Any] = {k: v for k, v in filled.items() if v is not config[k]}
    for key, value in filled.items():
        if "." not in key:
            continue
        *path, last = key.split(".")
        node: dict[str, Any] = out
        for part in path:
            if node is out and part in config:
                raise StudyError(
                    f"space: '{key}' lies within '{part}', which is a value", why="both are searched", fix="rename one"
                )
            node = node.setdefault(part, {})
        node[last] = value
    return out
