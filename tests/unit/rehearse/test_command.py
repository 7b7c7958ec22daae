"""``perch rehearse`` on recorded studies: its answers, its files, and one clear error for every bad input."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from perch.cli.rehearse import app
from perch.errors import PerchError
from perch.rehearse.command import Order, prepare, write_logs
from perch.rehearse.tables.reader import read

ROOT = Path(__file__).parents[3]
BOTH = str(ROOT / "studies" / "recorded" / "study-both")
READ = cache(read)
STUDY = str(ROOT / "studies" / "study-1-two-cores.yaml")


@pytest.fixture(autouse=True)
def read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables are frozen: one reading serves all tests."""
    monkeypatch.setattr("perch.rehearse.command.read", lambda records: READ(tuple(records)))


def test_last_lines_name_each_strategys_value_with_its_interval(tmp_path: Path) -> None:
    options = ["--seeds", "10", "--out", str(tmp_path), "--run-id", "a", "--strategies", "rs,asha", "--processes", "1"]
    done = CliRunner().invoke(app, [BOTH, *options])
    assert done.exit_code == 0, done.output
    *before, rs, asha = done.stdout.strip().splitlines()
    content = json.loads((tmp_path / "a" / "rehearsal.json").read_text())
    for line, value in zip((rs, asha), content["values"], strict=True):
        last = value["values"][-1]
        assert line.startswith(value["strategy"])
        assert f"{last['value']:.4g} [{last['low']:.4g}, {last['high']:.4g}]" in line
        assert last["low"] <= last["value"] <= last["high"]
    assert content["values"][0]["values"][-1]["low"] < content["values"][0]["values"][-1]["high"]
    said = "\n".join(before)
    for part in (
        "278 full curves",
        "rank correlation with epoch 27",
        "each left out in turn",
        "P(asha beats rs)",
        "as fast as rs",
    ):
        assert part in said
    for name in ("incumbents", "six_best", "rungs", "speed_up"):
        assert (tmp_path / "a" / "figures" / f"{name}.svg").is_file()
        assert (tmp_path / "a" / "figures" / f"{name}.csv").is_file()


def test_equal_orders_write_equal_logs(tmp_path: Path) -> None:
    for name in ("a", "b"):
        order = Order([BOTH], ["rs", "asha", "ahb"], seeds=2, seed=7, time_budget="60s")
        write_logs(prepare(order), tmp_path / name)
    for strategy in ("rs", "asha", "ahb"):
        one, other = (tmp_path / name / f"{strategy}-7.jsonl" for name in ("a", "b"))
        assert one.read_bytes() == other.read_bytes()
        assert one.read_bytes().count(b"\n") > 100


def test_a_record_of_ten_runs_tells_no_more_than_ten_runs() -> None:
    """On the embedded record asha leads clearly over the seeds; one run of it draws four fifths of the curves."""
    from perch.rehearse.answers import answer
    from perch.rehearse.command import carry_out

    prepared = prepare(Order([BOTH], ["rs", "asha"], seeds=24))
    found = answer(prepared.table, carry_out(prepared), prepared.setting.time_s, "rs")
    chance = next(b.chance for b in found.beats if (b.strategy, b.share) == ("asha", 1.0))
    (gain,) = found.gains
    assert chance.low > 0.5
    assert gain.mean.low > 0
    assert gain.verdict.startswith("cannot tell")
    rs, asha = found.values
    assert rs.record is not None and asha.record is not None
    assert asha.record > 3 * (asha.values[-1].high - asha.values[-1].low) / 2  # type: ignore[union-attr]


def test_words_with_an_equals_sign_are_swept() -> None:
    order = Order([BOTH], ["asha"], ["grace_period=1,9"], seeds=1)
    assert [v.label for v in prepare(order).variants] == ["asha+grace_period=1", "asha+grace_period=9"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"records": []}, "no record is given"),
        ({"records": ["nowhere"]}, "there is no record 'nowhere'"),
        ({"records": [STUDY]}, "is no record that can be read"),
        ({"records": [f"{BOTH}/runs/asha-0"]}, "11 full curves"),
        ({"strategies": ["pbt"]}, "pbt cannot be rehearsed"),
        ({"strategies": ["asha-tpe"]}, "cannot be rehearsed on a table"),
        ({"strategies": ["asha+grace_period=28"]}, "grace_period is 28"),
        ({"gpus": 0.0}, "--gpus 0"),
        ({"gpus": 2.0, "workers": 2}, "both given"),
        ({"workers": 0}, "--workers 0"),
        ({"hours": 0.0001}, "less than one epoch"),
        ({"hours": 0.0}, "a budget of 0 s"),
        ({"time_budget": "soon"}, "--time-budget soon"),
        ({"seeds": 0}, "--seeds 0"),
        ({"epochs": 81}, "the record ends at epoch 27"),
        ({"epoch_s": -1.0}, "--epoch-s -1"),
        ({"beyond": ["everything"]}, "--beyond everything"),
        ({"reference": "ahb"}, "--reference ahb"),
        ({"gpus": 32.0, "hours": 8.0}, "more than 2,780 trials on 278 curves"),
        ({"study": str(ROOT / "studies" / "cmr-two-cores.yaml")}, "another space"),
    ],
)
def test_bad_input_is_one_clear_error(changes: dict[str, Any], said: str) -> None:
    given: dict[str, Any] = {"records": [BOTH], "strategies": ["rs", "asha"], "seeds": 2, **changes}
    with pytest.raises(PerchError) as error:
        prepare(Order(**given))
    assert said in error.value.what
    assert error.value.exit_code == 2
    assert error.value.why and error.value.fix


def test_the_same_space_is_accepted_and_another_on_demand() -> None:
    prepare(Order([BOTH], ["rs"], seeds=1, study=STUDY))
    prepare(Order([BOTH], ["rs"], seeds=1, study=str(ROOT / "studies" / "cmr-two-cores.yaml"), beyond=["space"]))


def test_runs_of_two_studies_are_not_one_record() -> None:
    with pytest.raises(PerchError, match="cannot be compared"):
        read([BOTH, str(ROOT / "studies" / "recorded" / "study-cmr")])
