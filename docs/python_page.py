"""The page on the Python form, made from the docstrings of ``perch.Study``, ``perch.run`` and ``perch.Run``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

SECTIONS = ("Args:", "Returns:", "Raises:", "Example:")


def python() -> Iterator[str]:
    """The page, line by line."""
    import perch

    yield "# Python\n"
    yield "The command line's words are Python's: a study file's keys are arguments, `perch run` is `perch.run`, a run's folder is a `Run`.\n"
    yield "Every example on this page is executed by the tests. So is [the notebook](../first-run.ipynb), which makes its pictures when you run it.\n"
    yield from _object("perch.Study", perch.Study, signature="perch.Study(**settings)")
    yield "The settings are the keys of a [study file](study-file.md).\n"
    yield from _object("perch.run", perch.run)
    yield from _object("perch.Run", perch.Run, signature="perch.Run.load(path)")
    for name, member in vars(perch.Run).items():
        if not name.startswith("_") and callable(member) and member.__doc__:
            yield from _object(f"Run.{name}", member, depth=3)
    yield "## Errors\n"
    errors = inspect.getdoc(__import__("perch.errors", fromlist=["errors"])) or ""
    yield "```text\n" + errors + "\n```\n"


def _object(name: str, found: Any, *, signature: str = "", depth: int = 2) -> Iterator[str]:
    yield f"{'#' * depth} `{name}`\n"
    if not signature:
        signature = name + re.sub(
            r"\bself, |\(self\)", lambda m: "()" if ")" in m[0] else "", str(inspect.signature(found))
        )
    yield f"```python\n{signature.replace(chr(39), '')}\n```\n"
    yield from _docstring(inspect.getdoc(found) or "")


def _docstring(text: str) -> Iterator[str]:
    """Google's sections as Markdown: arguments become a list, examples code."""
    section, block = "", []
    for line in [*text.splitlines(), "Args:"]:
        if line in SECTIONS:
            yield from _block(section, block)
            section, block = line, []
        elif section == "Example:" and line and not line.startswith(" "):
            yield from _block(section, block)
            section, block = "", [line]
        else:
            block.append(line)


def _block(section: str, lines: list[str]) -> Iterator[str]:
    text = inspect.cleandoc("\n".join(["", *lines])).strip()
    if not text:
        return
    if section == "Example:":
        yield f"```pycon\n{text}\n```\n"
    elif section in ("Args:", "Raises:"):
        yield f"{'Arguments' if section == 'Args:' else 'Raises'}:\n"
        yield re.sub(r"^(\w+): ", r"- `\1`: ", text, flags=re.M).replace("``", "`") + "\n"
    else:
        yield ("Returns: " if section else "") + text.replace("``", "`") + "\n"
