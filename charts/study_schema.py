"""Write what Helm can check of a study: its keys, from Perch's own model, as ``charts/perch/files/study.json``.

A node holds ``keys`` (the settings below it; others are refused), ``kinds`` (map, list, scalar) and ``enum`` where the model names them.
Run it without arguments to write; ``--check`` exits 1 when it differs.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from perch.study import Study

FILE = Path(__file__).parent / "perch" / "files" / "study.json"
_KINDS = {"object": "map", "array": "list"}


def node(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """One value of the study. Alternatives are joined; keys count only where no alternative takes any key."""
    options = [_found(each, definitions) for each in schema.get("anyOf", [schema])]
    kinds = sorted({_KINDS.get(each.get("type", ""), "scalar") for each in options})
    result: dict[str, Any] = {"kinds": kinds}
    objects = [each for each in options if each.get("type") == "object"]
    if objects and all(each.get("additionalProperties") is False for each in objects):
        result["keys"] = {
            name: node(inner, definitions) for each in objects for name, inner in each.get("properties", {}).items()
        }
    enums = [each.get("enum") for each in options if _KINDS.get(each.get("type", ""), "scalar") == "scalar"]
    if enums and all(enums):
        result["enum"] = [word for enum in enums for word in enum or []]
    return result


def _found(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    return definitions[schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema


def main(arguments: list[str]) -> int:
    """Compare or write."""
    schema = Study.model_json_schema()
    text = json.dumps(node(schema, schema["$defs"]), indent=1, sort_keys=True) + "\n"
    if FILE.exists() and FILE.read_text() == text:
        return 0
    if "--check" in arguments:
        print(f"{FILE.name} differs from the study's model\nfix: make chart-schema", file=sys.stderr)
        return 1
    FILE.write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
