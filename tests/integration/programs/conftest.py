"""A study of the stand-in program, and the command run as a process of its own."""

import json
import sys
from pathlib import Path

import pytest
import yaml
from tests.integration.runs.conftest import perch  # noqa: F401 - a fixture

STANDIN = Path(__file__).parents[2] / "programs" / "standin.py"

STUDY = {
    "name": "standin",
    "trainable": {
        "command": [sys.executable, "standin.py", "{config}"],
        "template": "template.json",
        "overwrite": {"seed": "{seed}", "epochs": "{epochs}"},
        "metrics": {"files": "results.txt", "format": "jsonl", "where": {"mode": "eval"}},
        "keys": {"loss": "loss", "loss_mev": "mev"},
        "checkpoint": {"files": "checkpoints/*.pt", "epoch": r"epoch-(\d+)"},
        "resume": "same",
        "grace": 5,
    },
    "space": {"lr": {"float": [0.01, 1.0], "log": True}},
    "metric": "loss",
    "epochs": 9,
    "budget": {"trials": 6},
    "confirm": {"top": 1, "seeds": 1},
    "log": [],
}


@pytest.fixture
def study(tmp_path):
    """Writes a study: ``study(habits, **changes)`` gives its path; changes of ``trainable`` are merged."""
    folder = tmp_path / 'it\'s a "stüdy"'
    folder.mkdir()
    (folder / "standin.py").write_text(STANDIN.read_text())

    def write(habits=None, trainable=None, **changes):
        (folder / "template.json").write_text(json.dumps({"lr": 0.1, "seed": 0, "epochs": 9, **(habits or {})}))
        merged = {k: v for k, v in {**STUDY["trainable"], **(trainable or {})}.items() if v is not None}
        path = folder / "study.yaml"
        path.write_text(yaml.safe_dump({**STUDY, **changes, "trainable": merged}, allow_unicode=True))
        return path

    return write
