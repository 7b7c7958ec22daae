"""A program whose metrics hold no training loss is refused before it starts, where trials are to be compared by one."""

import sys

import pytest
from tests.unit.hand_made import study

from perch.errors import StrategyError
from perch.runs.check import check_content
from perch.runs.resolve import resolved
from perch.trainables import kind_of


def program(tmp_path, judge, **keys):
    (tmp_path / "template.json").write_text('{"lr": 0.1, "epochs": 9}')
    return study(
        base=str(tmp_path), strategy={"name": "asha", "judge": judge}, metric="loss", epochs=9, points=[],
        space={"lr": {"float": [0.01, 1.0], "log": True}},
        trainable={
            "command": [sys.executable, "-c", "pass", "{config}"], "template": "template.json", "overwrite": {"epochs": "{epochs}"},
            "metrics": {"files": "metrics.jsonl", "format": "jsonl", "epoch": "epoch"}, "keys": {"loss": "loss", **keys}, "resume": "none",
        },
    )  # fmt: skip


def test_it_names_what_is_reported_and_what_to_write(tmp_path):
    with pytest.raises(StrategyError, match="the trainable reports none") as refused:
        check_content(kind_of(resolved(program(tmp_path, "training_loss"))))
    assert "reported: loss" in str(refused.value.why)
    assert "train_mae_ev, training_loss, train_loss" in str(refused.value.why)


def test_a_key_of_that_name_is_enough_and_other_statistics_need_none(tmp_path):
    check_content(kind_of(resolved(program(tmp_path, "training_loss", train_loss="train"))))
    check_content(kind_of(resolved(program(tmp_path, "best"))))
