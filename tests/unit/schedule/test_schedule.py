"""From a population to a schedule: the lineage, the fits, and the forms that people use."""

import json
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.schedule.toy import DROP_AFTER, EPOCHS, HIGH, LOW, MadeUpRun, population

from perch.errors import RecordError
from perch.schedule.command import make_schedule
from perch.schedule.emit import as_python
from perch.schedule.fit import chosen, fit_all
from perch.schedule.inherited import follow, inherited_by_best
from perch.space import parse_space


@pytest.fixture(scope="module")
def run() -> MadeUpRun:
    return population()


def test_the_known_schedule_is_recovered(run: MadeUpRun) -> None:
    """High, then low from epoch 31 on: PBT notices within a few comparisons, and the fit finds one drop there."""
    lineage = inherited_by_best(run)
    fit = chosen(fit_all(lineage.values["lr"]))
    assert fit.kind == "multistep"
    drops = [
        m
        for m, a, b in zip(fit.parameters["milestones"], fit.parameters["lr"], fit.parameters["lr"][1:], strict=False)
        if b < a / 2
    ]
    assert drops and min(abs(d - (DROP_AFTER + 1)) for d in drops) <= 6
    assert HIGH / 2 < np.median(fit.values[10:DROP_AFTER]) < HIGH * 2
    assert LOW / 2 < fit.values[-1] < LOW * 2


def test_a_lineage_is_one_row_per_epoch_from_the_first_ancestor_on(run: MadeUpRun) -> None:
    lineage = inherited_by_best(run)
    assert lineage.rows["epoch"].tolist() == list(range(1, EPOCHS + 1)) and lineage.epochs == EPOCHS
    assert lineage.rows.groupby(["trial_id", "segment"]).ngroups > 2
    assert lineage.values["lr"] == lineage.rows["lr"].tolist()
    assert lineage.fixed == {"atom_embedding_size": 16} and lineage.total_epochs == len(run.curves)


def test_weights_along_the_lineage_are_those_that_were_inherited(run: MadeUpRun) -> None:
    """The toy's error depends on the whole history, so replaying the schedule must give the lineage's errors."""
    from tests.unit.schedule.toy import step

    lineage, error = inherited_by_best(run), 1.0
    for epoch, lr, seen in zip(
        lineage.rows["epoch"], lineage.values["lr"], lineage.rows["validation_mae_ev"], strict=True
    ):
        error = step(error, lr, epoch)
        assert seen == pytest.approx(error, rel=0.02)


def test_a_run_without_pbt_holds_no_schedule() -> None:
    run = population(members=4)
    run.summary["strategy"] = "asha"
    run.curves[["parent_trial_id", "parent_segment", "parent_epoch"]] = None
    with pytest.raises(RecordError, match="holds no schedule") as refused:
        inherited_by_best(run)
    assert "asha" in refused.value.why and refused.value.exit_code == 2


def test_empty_and_broken_records_are_refused(run: MadeUpRun) -> None:
    with pytest.raises(RecordError, match="is empty"):
        inherited_by_best(MadeUpRun(run.curves.iloc[:0], run.trials))
    lineage = inherited_by_best(run).rows
    ancestor = lineage.iloc[0]
    gone = (run.curves["trial_id"] == ancestor["trial_id"]) & (run.curves["segment"] == ancestor["segment"])
    with pytest.raises(RecordError, match="broken"):
        inherited_by_best(MadeUpRun(run.curves[~gone], run.trials))
    inside = gone & (run.curves["epoch"] == 1)
    with pytest.raises(RecordError, match="gaps"):
        follow(run.curves[~inside], str(lineage.iloc[-1]["trial_id"]), int(lineage.iloc[-1]["segment"]))


@pytest.mark.parametrize(
    ("rates", "kind"),
    [
        ([0.01] * 40, "constant"),
        ([0.01] * 20 + [0.001] * 20, "multistep"),
        ([0.01] * 20 + [0.003] * 10 + [0.0003] * 10, "multistep"),
        (list(1e-4 + (0.02 - 1e-4) * 0.5 * (1 + np.cos(np.pi * np.arange(40) / 40))), "cosine"),
    ],
)
def test_each_kind_of_schedule_is_recognised_through_perturbations(rates: list[float], kind: str) -> None:
    rng = np.random.default_rng(0)
    noisy = [r * rng.choice([0.8, 1.0, 1.2]) for r in rates]
    fit = chosen(fit_all(noisy))
    assert fit.kind == kind and fit.deviation < 0.3


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(1e-5, 0.5), min_size=1, max_size=30))
def test_fits_are_schedules_of_the_same_length_above_zero(rates: list[float]) -> None:
    for fit in fit_all(rates).values():
        assert len(fit.values) == len(rates) and min(fit.values) > 0
    fits = fit_all(rates)
    assert fits["multistep"].deviation <= fits["constant"].deviation + 1e-9


@pytest.mark.parametrize("rates", [[0.01] * 12, [0.02] * 6 + [0.002] * 6, [0.05] * 4 + [0.01] * 4 + [0.0005] * 4,
                                   list(0.001 + 0.02 * 0.5 * (1 + np.cos(np.pi * np.arange(12) / 12)))])  # fmt: skip
@pytest.mark.parametrize("kind", ["constant", "multistep", "cosine"])
def test_the_printed_snippet_runs_and_gives_the_schedule(
    rates: list[float], kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit = fit_all(rates)[kind]
    path = tmp_path / "schedule.py"
    path.write_text(as_python(fit, "a test"))
    runpy.run_path(str(path), run_name="__main__")
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [int(epoch) for epoch, _ in printed] == list(range(1, 13))
    assert [float(lr) for _, lr in printed] == pytest.approx(fit.values, rel=1e-4)


def test_what_is_written_can_be_read_back(run: MadeUpRun, tmp_path: Path) -> None:
    lines = make_schedule(run, tmp_path)
    content = json.loads((tmp_path / "schedule.json").read_text())
    assert content["kind"] == "multistep" and len(content["lr_schedule"]["lr"]) == EPOCHS
    assert content["own"]["lr"] != content["lr_schedule"]["lr"]
    study = yaml.safe_load((tmp_path / "schedule.yaml").read_text())
    assert (
        study["space"]["lr_schedule"]["lr"] == content["lr_schedule"]["lr"]
        and study["space"]["atom_embedding_size"] == 16
    )
    assert parse_space(study["space"]).draw(0, 0)["lr_schedule"] == content["lr_schedule"]
    assert (tmp_path / "schedule.png").stat().st_size > 5000 and len(pd.read_csv(tmp_path / "schedule.csv")) == EPOCHS
    assert any("chosen" in line for line in lines) and "make_scheduler" in "\n".join(lines)


def test_trials_accept_the_schedule_as_it_is_written(run: MadeUpRun, tmp_path: Path) -> None:
    from perch.training.keys import at_epoch, complete

    make_schedule(run, tmp_path)
    content = json.loads((tmp_path / "schedule.json").read_text())
    config = complete({**content["config"], "lr_schedule": content["lr_schedule"]})
    assert [at_epoch(config, e, EPOCHS)["lr"] for e in (1, EPOCHS, EPOCHS + 5)] == [
        content["lr_schedule"]["lr"][0], content["lr_schedule"]["lr"][-1], content["lr_schedule"]["lr"][-1],
    ]  # fmt: skip
