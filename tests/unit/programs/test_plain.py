"""``perch train`` for a program: seeds, a second call, and configurations that do not fit."""

import json
import sys

import pytest

from perch.errors import RecordError, StudyError
from perch.programs.config.configure import seed_of
from perch.programs.plain import lines, train_program
from perch.study import parse

from .conftest import FORMATS, STANDIN, losses


@pytest.fixture
def study(tmp_path):
    def made(**habits):
        (tmp_path / "template.json").write_text(json.dumps({"lr": 0.1, "seed": 0, "epochs": 9, **habits}))
        return parse({
            "base": str(tmp_path), "metric": "loss", "epochs": 4, "space": {"lr": {"float": [0.01, 1.0]}}, "seed": 3,
            "trainable": {
                "command": [sys.executable, str(STANDIN), "{config}"], "template": "template.json",
                "overwrite": {"seed": "{seed}", "epochs": "{epochs}"}, "metrics": FORMATS["jsonl"], "keys": {"loss": "loss"},
                "checkpoint": {"files": "checkpoints/*.pt", "epoch": r"epoch-(\d+)"}, "resume": "same",
            },
        })  # fmt: skip

    return made


def test_every_seed_is_trained_to_the_end_and_once(study, tmp_path):
    said = []
    found = train_program(study(), {"lr": 0.2}, tmp_path / "t", repeats=2, epochs=None, say=said.append)
    expected = [losses(4, 0.2, seed_of(seed, "train"))[-1] for seed in (3, 4)]
    assert [r["value"] for r in found["results"]] == pytest.approx(expected, rel=1e-12)
    assert found["value"] == pytest.approx(sum(expected) / 2) and found["deviation"] > 0
    assert lines(found)[-1].startswith("loss ")
    assert {p.name for p in (tmp_path / "t" / "best").iterdir()} == {
        "about.json",
        "config.json",
        "output.log",
        "epoch-3.pt",
    }
    said.clear()
    train_program(study(), {"lr": 0.2}, tmp_path / "t", repeats=2, epochs=None, say=said.append)
    assert said == ["seed 3: trained already", "seed 4: trained already"]
    with pytest.raises(RecordError, match="these differ: config"):
        train_program(study(), {"lr": 0.3}, tmp_path / "t", repeats=2, epochs=None, say=said.append)


def test_a_seed_that_diverges_is_a_result(study, tmp_path):
    found = train_program(study(nan_at=3), {"lr": 0.2}, tmp_path / "t", repeats=1, epochs=None, say=print)
    assert found["diverged"] == [3] and "nan in epoch 3" in found["results"][0]["error"]


def test_a_configuration_outside_the_space_is_refused(study, tmp_path):
    with pytest.raises(StudyError, match="does not fit"):
        train_program(study(), {"lr": 7.0}, tmp_path / "t", repeats=1, epochs=None, say=print)
    assert not (tmp_path / "t").exists()
