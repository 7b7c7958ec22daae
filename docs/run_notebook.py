"""Executes a notebook and keeps what its cells show: ``python docs/run_notebook.py docs/first-run.ipynb``.

A cell's outputs are what it prints, and its last expression as HTML, PNG or text. No kernel is needed.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Output = dict[str, Any]


def execute(notebook: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The notebook with the outputs of its code cells, executed in order in ``folder``. Raises what a cell raises."""
    names: dict[str, Any] = {"__name__": "__main__"}
    before, count = Path.cwd(), 0
    os.chdir(folder)
    try:
        cells = []
        for cell in notebook["cells"]:
            if cell["cell_type"] != "code":
                cells.append(cell)
                continue
            count += 1
            cells.append(
                {**cell, "execution_count": count, "outputs": [*_outputs("".join(cell["source"]), names, count)]}
            )
    finally:
        os.chdir(before)
    return {**notebook, "cells": cells}


def _outputs(source: str, names: dict[str, Any], count: int) -> Iterator[Output]:
    tree = ast.parse(source)
    last = ast.Expression(tree.body.pop().value) if isinstance(tree.body[-1], ast.Expr) else None
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(tree, "<cell>", "exec"), names)
        value = None if last is None else eval(compile(last, "<cell>", "eval"), names)
    if said.getvalue():
        yield {"output_type": "stream", "name": "stdout", "text": said.getvalue().splitlines(keepends=True)}
    if value is not None:
        yield {"output_type": "execute_result", "execution_count": count, "metadata": {}, "data": _shown(value)}


def _shown(value: Any) -> dict[str, Any]:
    if hasattr(value, "savefig"):
        picture = io.BytesIO()
        value.savefig(picture, format="png", dpi=72)
        return {"image/png": base64.b64encode(picture.getvalue()).decode(), "text/plain": "<Figure>"}
    if hasattr(value, "_repr_html_"):
        return {"text/html": value._repr_html_(), "text/plain": repr(type(value).__name__)}
    return {"text/plain": repr(value)}


def main(path: Path) -> None:
    """Execute a notebook's cells in a temporary folder, and write their outputs into it."""
    with tempfile.TemporaryDirectory() as folder:
        done = execute(json.loads(path.read_text(encoding="utf-8")), Path(folder))
    path.write_text(json.dumps(done, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
