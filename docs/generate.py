"""Writes the generated part of the reference: ``python docs/generate.py [--check]``.

``reference/cli.md`` from the commands themselves, ``reference/study-file.md`` and ``reference/study.schema.json`` from the
study's model, ``reference/strategies.md`` from the registry, ``reference/python.md`` from docstrings. ``--check`` writes nothing and says what has drifted.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

sys.path.insert(0, str(Path(__file__).parent))
from python_page import python

HERE = Path(__file__).parent / "reference"
NOTE = "<!-- made by docs/generate.py: do not edit -->\n\n"


def pages() -> dict[str, str]:
    """Every generated file with its text."""
    from perch.study import Study

    schema = Study.model_json_schema(by_alias=True)
    return {
        "cli.md": NOTE + "\n".join(cli()) + "\n",
        "study-file.md": NOTE + "\n".join(study_file(schema)) + "\n",
        "study.schema.json": json.dumps(schema, indent=1) + "\n",
        "python.md": NOTE + "\n".join(python()) + "\n",
        "strategies.md": NOTE + "\n".join(strategies()) + "\n",
    }


def cli() -> Iterator[str]:
    """The command line, a section per command."""
    from perch.cli.main import COMMANDS, perch

    yield "# Command line\n"
    yield "Exit codes: 0 done, 1 the run failed, 2 bad input (nothing was started), 75 interrupted (run again to resume).\n"
    yield "`perch --debug COMMAND …` shows the traceback of an error; `perch --version` the version.\n"
    context = click.Context(perch, info_name="perch")
    for name in COMMANDS:
        command = perch.get_command(context, name)
        assert command is not None
        yield from section(command, f"perch {name}", 2)


def section(command: click.Command, words: str, depth: int) -> Iterator[str]:
    """One command, or a group and its commands."""
    from perch.cli.examples import commands

    yield f"{'#' * depth} `{words}`\n"
    if command.help:
        yield command.help.strip().replace("\n\n", "\n\n") + "\n"
    if hasattr(command, "list_commands"):
        context: Any = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from section(inner, f"{words} {name}", depth + 1)
        return
    rows = [row for p in command.params if not getattr(p, "hidden", False) and (row := parameter(p)) is not None]
    if rows:
        yield "| argument or option | meaning | default |\n|---|---|---|"
        yield from rows
        yield ""
    if examples := commands(words.removeprefix("perch ")):
        yield "```console"
        yield from (f"{typed}   # {meant}" if meant else typed for typed, meant in examples)
        yield "```\n"


def parameter(parameter: Any) -> str | None:
    """A row for an argument or an option."""
    if parameter.name in ("help", "install_completion", "show_completion"):
        return None
    if parameter.param_type_name == "argument":
        name = parameter.metavar or parameter.name.upper()
    else:
        name = ", ".join([*parameter.opts, *parameter.secondary_opts])
        if not getattr(parameter, "is_flag", False):
            name += f" {parameter.metavar or value_of(parameter)}"
    default = parameter.default
    shown = (
        ""
        if default is None or default is False or callable(default) or "Sentinel" in repr(default)
        else f"`{default}`"
    )
    return f"| `{cell(name)}` | {cell(getattr(parameter, 'help', '') or '')} | {cell(shown)} |"


def value_of(parameter: Any) -> str:
    """The kind of value that an option takes, as help pages write it."""
    words = {"str": "TEXT", "int": "INTEGER", "float": "FLOAT", "Path": "PATH"}
    if hasattr(parameter, "type_descriptor"):  # Typer's own
        annotation = str(parameter.type_descriptor.annotation)
        return next((shown for kind, shown in words.items() if kind in annotation), "VALUE")
    return str(parameter.type.name).upper()


def cell(text: str) -> str:
    """Text that may stand in a table."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def study_file(schema: dict[str, Any]) -> Iterator[str]:
    """The keys of a study file."""
    yield "# Study file\n"
    yield "A study file is YAML. Every key has a default; an empty file is the embedded study. Unknown keys are refused, with the nearest known one.\n"
    yield "For completion in an editor, put this line on top of your file: "
    yield "`# yaml-language-server: $schema=…/reference/study.schema.json` ([the schema](study.schema.json)).\n"
    yield "## The study\n"
    yield from table(schema, schema["$defs"])
    for name, model in schema["$defs"].items():
        yield f"## {heading(name, schema)}\n"
        if model.get("description"):
            yield model["description"].strip().replace("\n", " ") + "\n"
        yield from table(model, schema["$defs"])
    yield SPACE
    yield from hyperparameters()


def heading(name: str, schema: dict[str, Any]) -> str:
    """The keys under which a part of the study stands."""
    owners = [
        k for m in (schema, *schema["$defs"].values()) for k, v in m["properties"].items() if name in json.dumps(v)
    ]
    return f"`{owners[0]}`" if owners else name


def table(model: dict[str, Any], definitions: dict[str, Any]) -> Iterator[str]:
    """A row per key."""
    yield "| key | kind | default | meaning |\n|---|---|---|---|"
    for key, spec in model["properties"].items():
        default = spec.get("default")
        shown = "" if default is None else f"`{json.dumps(default)}`"
        yield f"| `{key}` | {cell(kind(spec, definitions))} | {cell(shown)} | {cell(spec.get('description', ''))} |"
    yield ""


def kind(spec: dict[str, Any], definitions: dict[str, Any]) -> str:
    """A key's type in words."""
    if "anyOf" in spec:
        return " or ".join(k for k in (kind(s, definitions) for s in spec["anyOf"]) if k != "null")
    if "$ref" in spec:
        return "mapping"
    if "enum" in spec:
        return " or ".join(f"`{v}`" for v in spec["enum"])
    if "const" in spec:
        return f"`{spec['const']}`"
    words = {
        "string": "text",
        "integer": "whole number",
        "number": "number",
        "boolean": "switch",
        "object": "mapping",
        "null": "null",
    }
    if spec.get("type") == "array":
        return f"list of {kind(spec.get('items', {}), definitions) or 'values'}"
    return words.get(spec.get("type", ""), "")


SPACE = """## The search space

```yaml
space:
  atom_embedding_size: {int: [8, 128], log: true}   # whole numbers, both ends included
  lr: {float: [0.0003, 0.1], log: true}
  batch_size: {choice: [16, 32, 64, 128]}
  momentum: 0.9                                     # fixed
  where: "atom_embedding_size * batch_size <= 8000" # conditions: arithmetic, comparison, and/or/not
```

Or the name of a shipped space: `default`, or `source-2020`, the published study's.
"""


def hyperparameters() -> Iterator[str]:
    """What a space may hold where Perch's own networks are trained."""
    from perch.training.keys import ALGORITHM_KEYS, CHOICES, DEFAULTS, MEANINGS

    yield "## Hyperparameters of Perch's networks\n"
    yield "What a space may hold under `trainable: cgcnn` and `cgconv`. What it lacks has its default. PBT changes those that may change while a trial trains.\n"
    yield "| name | default | may change | meaning |\n|---|---|---|---|"
    for name, default in DEFAULTS.items():
        offered = f" ({', '.join(f'`{c}`' for c in CHOICES[name])})" if name in CHOICES else ""
        shown = "" if default is None else f"`{default}`"
        yield f"| `{name}` | {shown} | {'yes' if name in ALGORITHM_KEYS else ''} | {MEANINGS[name]}{offered} |"
    yield ""


def strategies() -> Iterator[str]:
    """Every strategy with its settings."""
    from perch.strategies.registry import STRATEGIES

    yield "# Strategies\n"
    yield "Settings are given in the study file: `strategy: {name: asha, reduction_factor: 4}`. Which to use: [cheat sheet](../explanation/cheat-sheet.md).\n"
    for name, entry in STRATEGIES.items():
        yield f"## `{name}`\n"
        yield f"{entry.summary[0].upper()}{entry.summary[1:]}.\n"
        yield f"*Scheduler:* {entry.scheduler}. *Searcher:* {entry.searcher}.\n"
        yield f"*Paper:* {entry.paper}\n"
        yield f"*When:* {entry.when}\n"
        if entry.differs:
            yield f"*Differs:* {entry.differs}\n"
        fields = entry.settings.model_fields
        if fields:
            yield "| setting | default | meaning |\n|---|---|---|"
            for key, field in fields.items():
                yield f"| `{key}` | `{cell(str(field.default))}` | {cell(field.description or '')} |"
            yield ""


def main() -> int:
    """Write, or check."""
    check = "--check" in sys.argv[1:]
    drifted = []
    for name, text in pages().items():
        path = HERE / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            drifted.append(name)
            if not check:
                path.write_text(text, encoding="utf-8")
    if check and drifted:
        print(f"drifted: {', '.join(drifted)}; run 'make docs-reference'", file=sys.stderr)
        return 1
    print(f"{'written' if not check else 'up to date'}: {', '.join(drifted) or 'nothing changed'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
