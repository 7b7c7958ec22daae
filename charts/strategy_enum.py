"""Keep the strategies that values.schema.json offers equal to those that Perch registers.

Run it without arguments to write; ``--check`` exits 1 when it differs.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from perch.strategies.registry import STRATEGIES

SCHEMA = Path(__file__).parent / "perch" / "values.schema.json"


def main(arguments: list[str]) -> int:
    """Compare or rewrite the enum; the empty name means what the study says."""
    schema = json.loads(SCHEMA.read_text())
    enum = ["", *STRATEGIES.names()]
    if schema["properties"]["strategy"]["enum"] == enum:
        return 0
    if "--check" in arguments:
        print(f"{SCHEMA.name} offers other strategies than the registry\nfix: make chart-schema", file=sys.stderr)
        return 1
    schema["properties"]["strategy"]["enum"] = enum
    SCHEMA.write_text(json.dumps(schema, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
