"""A schedule for a program: stretches of constant values, each a start from the checkpoint before; refused where it would not be followed."""

import itertools
import json
import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perch.command import Command
from perch.errors import StudyError
from perch.programs.plain import train_program, train_rows
from perch.programs.stretches import check_schedule, stretches
from perch.study import parse

from .conftest import FORMATS, STANDIN

HIGH_THEN_LOW = {"lr": [0.2, 0.2, 0.2, 0.8]}


@given(
    st.dictionaries(st.sampled_from("abc"), st.lists(st.sampled_from([0.1, 0.2]), min_size=1, max_size=9)),
    st.integers(1, 12),
)
def test_stretches_say_the_schedule_and_are_as_few_as_can_be(schedule, epochs):
    parts = stretches(schedule, epochs)
    said = [
        p.values for p, before in zip(parts, [0, *(p.end for p in parts)], strict=False) for _ in range(p.end - before)
    ]
    assert said == [{k: v[min(e, len(v) - 1)] for k, v in schedule.items()} for e in range(epochs)]
    assert all(a.values != b.values for a, b in itertools.pairwise(parts))


@pytest.fixture
def study(tmp_path):
    """A study of the stand-in that takes a changed rate over, or says otherwise."""

    def make(**said):
        (tmp_path / "template.json").write_text(json.dumps({"lr": 0.1, "seed": 0, "epochs": 6, "epoch_s": 0.05}))
        trainable = {
            "command": [sys.executable, str(STANDIN), "{config}"], "template": "template.json",
            "overwrite": {"seed": "{seed}", "epochs": "{epochs}"}, "metrics": FORMATS["jsonl"], "keys": {"loss": "loss"},
            "checkpoint": {"files": "checkpoints/*.pt", "epoch": r"epoch-(\d+)"}, "resume": "same", "changeable": ["lr"], **said,
        }  # fmt: skip
        return parse({
            "name": "s", "trainable": trainable, "space": {"lr": {"float": [0.01, 1.0]}}, "metric": "loss", "epochs": 6,
            "strategy": "rs", "budget": {"trials": 2}, "base": str(tmp_path),
        })  # fmt: skip

    return make


def by_epoch(rates, seed):
    """The stand-in's loss under a rate for every epoch."""
    w, out = 0.0, []
    for epoch, lr in enumerate(rates, 1):
        w += 1 / (1 + 8 * abs(lr - 0.3)) + 1e-4 * ((seed * 31 + epoch) % 7)
        out.append(1 / (1 + w))
    return out


def test_a_schedule_is_followed_and_what_was_trained_is_kept(study, tmp_path):
    said = []
    found = train_program(
        study(), {}, tmp_path / "out", repeats=1, epochs=None, say=said.append, schedule=HIGH_THEN_LOW
    )
    result = json.loads((tmp_path / "out" / "seeds" / "0.json").read_text())
    seed = json.loads((tmp_path / "out" / "best" / "about.json").read_text())["seed"]
    rates = [0.2, 0.2, 0.2, 0.8, 0.8, 0.8]
    assert [r["loss"] for r in result["rows"]] == pytest.approx(by_epoch(rates, seed), rel=1e-12)
    assert found["value"] == result["rows"][-1]["loss"] and not found["diverged"]
    assert json.loads((tmp_path / "out" / "best" / "about.json").read_text())["epoch"] == 6
    assert len(said) == 6


def test_an_error_in_a_later_stretch_ends_the_training_with_what_was_reported(study, tmp_path):
    plan = study()
    (tmp_path / "template.json").write_text(
        json.dumps({"lr": 0.1, "seed": 0, "epochs": 6, "epoch_s": 0.05, "nan_at": 4, "wild_from": 0.5})
    )
    from perch.programs.config.complete import complete

    spec = complete(plan.program, tmp_path)
    rows, error = train_rows(plan, spec, {"lr": 0.2}, tmp_path / "t", "k", epochs=6, schedule=HIGH_THEN_LOW)
    assert [r["epoch"] for r in rows] == [1, 2, 3] and "nan in epoch 4" in error
    assert all(math.isfinite(r["loss"]) for r in rows)


@pytest.mark.parametrize(("said", "why"), [
    ({"changeable": []}, r"keeps that value when it goes on .* \(trainable.changeable\): none"),
    ({"changeable": None}, r"trainable.changeable\): none"),
    ({"changeable": ["weight_decay"]}, "changeable\\): weight_decay"),
    ({"resume": "none"}, "cannot go on from a checkpoint"),
])  # fmt: skip
def test_what_the_program_would_not_follow_is_refused_before_it_starts(study, tmp_path, said, why):
    with pytest.raises(StudyError, match=why) as raised:
        train_program(study(**said), {}, tmp_path / "out", repeats=1, epochs=None, say=print, schedule=HIGH_THEN_LOW)
    assert "the program cannot follow a schedule of 'lr'" in str(raised.value) and raised.value.exit_code == 2
    assert not (tmp_path / "out").exists()
    check_schedule(Command.model_validate({"command": ["x"], "metrics": FORMATS["print"]}), {"lr": [0.1, 0.1]})
