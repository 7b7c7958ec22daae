"""The notebook of the documentation is executed, cell by cell, and shows tables and pictures."""

from __future__ import annotations

import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.slow
def test_the_notebook_runs_and_shows_tables_and_pictures(tmp_path: Path, shared_ray: dict[str, str]) -> None:
    spec = spec_from_file_location("run_notebook", DOCS / "run_notebook.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    kept = json.loads((DOCS / "first-run.ipynb").read_text(encoding="utf-8"))
    made = module.execute(kept, tmp_path)
    shown = [
        [sorted(o.get("data", {"text": ""})) for o in c["outputs"]] for c in made["cells"] if c["cell_type"] == "code"
    ]
    table, picture = ["text/html", "text/plain"], ["image/png", "text/plain"]
    assert shown == [[], [["text"]], [table], [table], [picture], [picture], [["text/plain"]]]
    assert (tmp_path / "results" / "first" / "report.html").is_file()
    texts = [
        o["data"]["text/plain"] for c in made["cells"] if c["cell_type"] == "code" for o in c["outputs"] if "data" in o
    ]
    assert texts[-1] == "True"
