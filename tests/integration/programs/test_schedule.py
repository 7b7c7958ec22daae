"""Population based training of a program that takes a changed rate over, the schedule read off it, and its judgement."""

import json

import pytest

from perch.programs.config.configure import seed_of
from perch.record import load
from perch.schedule.inherited import follow, inherited_by_best, rates_of

PBT = {
    "strategy": {"name": "pbt", "perturbation_interval": 3}, "budget": {"trials": 4}, "confirm": {"top": 0},
    "space": {"optimizer.lr": {"float": [0.01, 1.0], "log": True}},
}  # fmt: skip


@pytest.fixture
def population(study, tmp_path, perch_here):
    """A run's folder. The rate has a dotted name, as programs have it."""
    taken_over = {"set": {"optimizer.lr": "lr"}, "changeable": ["optimizer.lr"]}
    path = study({"epoch_s": 0.15}, trainable=taken_over, **PBT)
    code, said = perch_here("run", path, "--out", tmp_path / "out", "--run-id", "r")
    assert code == 0, said
    return tmp_path / "out" / "r"


@pytest.mark.slow
def test_a_programs_schedule_is_read_off_and_trained_again(population, perch_here):
    run = load(population)
    lineage = inherited_by_best(run)
    assert lineage.rate == "optimizer.lr" and lineage.epochs == 9
    copied = {(t, s) for t, s in zip(run.curves.trial_id, run.curves.segment, strict=True) if s > 0}
    assert copied, "nobody copied another"
    for trial, segment in copied:
        w, rows = 0.0, follow(run.curves, trial, segment)
        for row, lr in zip(rows.itertuples(), rates_of(rows, lineage.rate), strict=True):
            w += 1 / (1 + 8 * abs(lr - 0.3)) + 1e-4 * ((seed_of(0, row.trial_id) * 31 + row.epoch) % 7)
            assert row.loss == pytest.approx(1 / (1 + w), rel=1e-12), "weights came from a wrong checkpoint"
    code, said = perch_here("schedule", population)
    assert code == 0 and "changed along the way: optimizer.lr" in said, said
    made = json.loads((population / "schedule" / "schedule.json").read_text())
    assert made["own"]["optimizer.lr"] == list(lineage.rates)
    assert {p.suffix for p in (population / "schedule").iterdir()} == {".json", ".py", ".png", ".svg", ".csv"}
    given = population / "schedule" / "schedule.json"
    trained = ("train", population / "study.yaml", "--config", given, "--lr-schedule", given, "--run-id", "again")
    code, said = perch_here(*trained, "--out", population.parent)
    assert code == 0 and "seed 0: loss" in said, said


@pytest.mark.slow
def test_a_programs_schedule_is_judged(population, perch_here):
    code, said = perch_here("schedule", population, "--validate", "3")
    assert code == 0 and "tuning constant: 36 epochs each, as many as the population trained" in said, said
    found = json.loads((population / "schedule" / "judgement.json").read_text())
    assert {len(v) for v in found["tests"].values()} == {3} and set(found["tuned"]) == {"tuned constant"}


@pytest.mark.parametrize("changeable", [None, []])
def test_a_program_that_keeps_its_rate_is_refused(study, tmp_path, perch_here, changeable):
    path = study(trainable={"set": {"optimizer.lr": "lr"}, "changeable": changeable}, **PBT)
    code, said = perch_here("run", path, "--out", tmp_path / "out")
    assert code == 2 and "the program keeps its value when it goes on from another's checkpoint" in said, said
    assert not (tmp_path / "out").exists()
