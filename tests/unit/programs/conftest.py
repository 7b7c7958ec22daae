"""A stand-in program, started as a trial starts it."""

import json
import math
import sys
from pathlib import Path

import pytest

from perch.command import Command
from perch.programs.config.complete import complete
from perch.programs.order import Order
from perch.programs.training import Training

STANDIN = Path(__file__).parents[2] / "programs" / "standin.py"

FORMATS = {
    "jsonl": {"files": "results.txt", "format": "jsonl", "where": {"mode": "eval"}},
    "csv": {"files": "lc*.csv", "format": "csv"},
    "rewritten": {"files": "metrics.csv", "format": "csv"},
    "version": {"files": "version_*/metrics.csv", "format": "csv"},
    "print": {"pattern": r"epoch (?P<epoch>\d+) loss (?P<loss>\S+)"},
}


class Program:
    """Makes trainings of the stand-in, all of one trial unless said otherwise, and ends them."""

    def __init__(self, folder):
        self.folder, self.trainings = folder, []

    def spec(self, *, numbered=True, **said):
        habits = said.pop("habits", {})
        metrics = habits.get("metrics", "jsonl")
        template = self.folder / "template.json"
        template.write_text(json.dumps({"lr": 0.1, "seed": 0, "epochs": 9, "continue": None, **habits}))
        spec = {
            "command": [sys.executable, str(STANDIN), "{config}"],
            "template": str(template),
            "overwrite": {"seed": "{seed}", "epochs": "{epochs}"},
            "metrics": FORMATS[metrics],
            "keys": {"loss": "loss"},
            "checkpoint": {"files": "checkpoints/*.pt", **({"epoch": r"epoch-(\d+)"} if numbered else {})},
            "resume": {"overwrite": {"continue": "{checkpoint}"}} if habits.get("resume") == "key" else "same",
            "grace": 5,
            **said,
        }
        return complete(Command.model_validate(spec), self.folder)

    def training(
        self, *, trial="00000", segment=0, seed=7, epochs=9, config=None, keep_below=-math.inf, mode="min", weights="",
        **said,
    ):  # fmt: skip
        order = Order(
            trial, segment, seed, epochs, 1, 0, str(self.folder / "trials"), "loss", mode, keep_below, weights
        )
        training = Training(self.spec(**said), order, config or {"lr": 0.2})
        self.trainings.append(training)
        return training


@pytest.fixture
def program(tmp_path):
    made = Program(tmp_path)
    yield made
    for training in made.trainings:
        training.close()


def losses(epochs, lr=0.2, seed=7):
    """What the stand-in's loss is after so many epochs, trained without interruption."""
    w, out = 0.0, []
    for epoch in range(1, epochs + 1):
        w += 1 / (1 + 8 * abs(lr - 0.3)) + 1e-4 * ((seed * 31 + epoch) % 7)
        out.append(1 / (1 + w))
    return out


def take(training, count):
    """The next losses of a training."""
    return [training.next_epoch()["loss"] for _ in range(count)]
