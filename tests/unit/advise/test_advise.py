"""With a record the rehearsal decides, and says by how much and how sure; without one the rules, with their sources."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import yaml
from tests.unit.rehearse.made import table
from typer.testing import CliRunner

from perch.advise.candidates import candidates, choose, settings_of
from perch.cli.advise import app
from perch.errors import PerchError, RecordError
from perch.rehearse.run import Setting
from perch.rehearse.tables.reader import read
from perch.simulate import Delays

ROOT = Path(__file__).parents[3]
RECORDED = ROOT / "studies" / "recorded"
READ = cache(read)


@pytest.fixture(autouse=True)
def read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables are frozen: one reading serves all tests."""
    monkeypatch.setattr("perch.advise.command.read", lambda records: READ(tuple(records)))


def test_candidates_leave_a_rung_below_the_last_epoch() -> None:
    labels = [v.label for v in candidates(27)]
    assert labels == ["rs", "median", "ahb", "asha", "asha+grace_period=3", "asha+grace_period=9", "asha+reduction_factor=2",
                      "asha+reduction_factor=4"]  # fmt: skip
    assert [v.label for v in candidates(2)] == ["rs"]


def test_early_stopping_is_chosen_where_early_values_tell_and_not_where_they_mislead() -> None:
    rng = np.random.default_rng(0)
    limits = rng.uniform(0.2, 1.0, 300)
    honest = limits[:, None] + 0.5 / np.arange(1, 28)
    misleading = (
        limits[:, None] + np.linspace(2, 0, 27)[None, :] * (1.2 - limits)[:, None]
    )  # the best begin as the worst
    setting = Setting(2, 400.0, Delays())
    told = choose(table(300, values=honest, seconds=np.ones((300, 27)), tests=None), setting, range(8), processes=1)
    assert told.best.spec["name"] in ("asha", "ahb")
    assert told.gain.low > 0 or told.equals
    misled = choose(
        table(300, values=misleading, seconds=np.ones((300, 27)), tests=None), setting, range(8), processes=1
    )
    assert misled.best.label == "rs"
    assert misled.chance.probability > 0.5
    assert {v.strategy for v in misled.answers.values} == {v.label for v in candidates(27)}


def test_the_fragment_is_a_study_files() -> None:
    study = str(ROOT / "studies" / "study-1-two-cores.yaml")
    done = CliRunner().invoke(
        app, [study, "--gpus", "2", "--hours", "0.05", "--record", str(RECORDED / "study-both"), "--seeds", "3"]
    )
    assert done.exit_code == 0, done.output
    before, _, fragment = done.stdout.partition("for the study file:\n")
    content = yaml.safe_load(fragment)
    assert content["budget"] == {"time": "180s"}
    assert (
        content["strategy"] == "rs"
        or content["strategy"] in ("asha", "ahb", "median")
        or content["strategy"]["name"] == "asha"
    )
    for part in ("advice: ", "better than", "of the seeds", "rank correlation with epoch 27", "each left out in turn"):
        assert part in before


def test_without_a_record_each_advice_has_its_reason_and_source() -> None:
    done = CliRunner().invoke(app, ["--gpus", "4", "--hours", "8"])
    assert done.exit_code == 0, done.output
    assert "advice: asha" in done.stdout and "why: " in done.stdout and "source: Li et al." in done.stdout
    assert "give --epoch-s, or a --record" in done.stdout
    assert yaml.safe_load(done.stdout.partition("for the study file:\n")[2]) == {
        "strategy": "asha",
        "budget": {"time": "28800s"},
    }


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--gpus", "2", "--hours", "0.05", "--record", str(RECORDED / "study-cmr")], "another space"),
        (["--gpus", "2", "--hours", "0.05", "--record", "nowhere"], "no record 'nowhere'"),
        (["--gpus", "32", "--hours", "8", "--record", str(RECORDED / "study-both")], "more than 2,780 trials"),
        (["--gpus", "0", "--hours", "1"], "--gpus 0"),
    ],
)
def test_bad_input_is_one_clear_error(options: list[str], said: str) -> None:
    done = CliRunner().invoke(app, [str(ROOT / "studies" / "study-1-two-cores.yaml"), *options])
    assert isinstance(done.exception, PerchError)
    assert said in str(done.exception)


def test_a_record_of_another_metric_is_refused() -> None:
    from perch.advise.command import record_of
    from perch.study import load

    study = load(str(ROOT / "studies" / "study-1-two-cores.yaml"), ["metric=train_mae_ev"])
    with pytest.raises(RecordError, match="is judged by train_mae_ev"):
        record_of(study, None, [str(RECORDED / "study-both")], None, [])


def test_settings_are_written_only_where_there_are_any() -> None:
    by_label = {v.label: settings_of(v) for v in candidates(27)}
    assert by_label["asha"] == "asha"
    assert by_label["asha+grace_period=9"] == {"name": "asha", "grace_period": 9}
