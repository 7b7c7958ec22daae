"""Epochs that take a while: what an interruption costs, in epochs that are trained again."""

import signal

import pandas as pd
import pytest

from perch.log.events import read
from perch.log.folder import RunFolder

from .conftest import results, summary

EPOCH_S = 1.0


@pytest.fixture
def slow_study(study):
    """Random search, which needs no checkpoint, with epochs of a second."""
    study.write_text(
        study.read_text().replace("{trials: 12}", "{trials: 3}").replace("{top: 2, seeds: 1}", "{top: 0}")
        + "strategy: rs\ncheckpoints: {insure: 2s}\n"
    )
    return study


def test_after_a_warning_no_epoch_is_trained_again_and_after_a_kill_no_more_than_were_unsaved(
    slow_study, tmp_path, perch
):
    out, env = tmp_path / "out", {"TOY_S": str(EPOCH_S)}
    first = perch("run", slow_study, "--out", out, "--run-id", "r", env=env)
    first.until(out / "r", lambda events: len(results(events)) >= 2)
    first.signal(signal.SIGTERM)
    code, said = first.wait()
    assert code == 75, said
    saved = [e for e in read(RunFolder(out / "r").events) if e["e"] == "checkpoint"]
    assert saved, "running epochs ended and were saved"

    second = perch("run", slow_study, "--out", out, "--run-id", "r", env=env)
    known = len(results(list(read(RunFolder(out / "r").events))))
    second.until(out / "r", lambda events: len(results(events)) >= known + 6)
    second.kill()
    assert sum(e.get("redone", 0) for e in read(RunFolder(out / "r").events) if e["e"] == "spent") == 0

    code, said = perch("run", slow_study, "--out", out, "--run-id", "r", env=env).wait()
    assert code == 0, said
    found = summary(out / "r")
    most = 2 * (2 / EPOCH_S + 1)
    assert found["redone_epochs"] <= most
    trials = pd.read_parquet(out / "r" / "trials.parquet")
    assert trials.redone_epochs.sum() == found["redone_epochs"] and (trials.epochs == 9).sum() >= 2
    overheads = pd.read_parquet(out / "r" / "overheads.parquet").set_index("activity")
    assert overheads.seconds["redone"] == pytest.approx(found["redone_s"], abs=0.01)
