"""Which runs may be compared, and how they are put into blocks."""

import pandas as pd
import pytest
from tests.unit.compare.records import blocks_of, made_up

from perch.compare.runs.clock import without_collapsed
from perch.compare.runs.gather import gather
from perch.errors import RecordError


def test_a_block_is_a_seed_that_every_strategy_has() -> None:
    runs = [*blocks_of(3), ("rs", made_up("rs", 7))]
    found = gather(reversed(runs))
    assert found.seeds == [0, 1, 2] and found.reference == "rs" and found.strategies == ["rs", "asha"]
    assert [run.summary["seed"] for run in found.runs["asha"]] == [0, 1, 2]
    assert found.notes == ["rs: seeds [7] left out, another strategy lacks them"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"data": {"source": "cmr", "split": {"seed": 0}}}, "data.source"),
        ({"data": {"source": "adsorption", "split": {"seed": 1}}}, "data.split"),
        ({"space": {"lr": {"float": [0.01, 0.1]}}}, "space.lr"),
        ({"metric": "test_mae_ev"}, "metric"),
        ({"epochs": 81}, "epochs"),
    ],
)
def test_runs_of_different_things_are_refused_and_the_difference_named(change: dict[str, object], named: str) -> None:
    with pytest.raises(RecordError) as refused:
        gather([("rs", made_up("rs", 0)), ("asha", made_up("asha", 0, **change))])
    assert named in refused.value.why


def test_empty_runs_doubled_runs_and_lonely_strategies_are_refused() -> None:
    empty = made_up("asha", 0)
    empty.curves = empty.curves.iloc[:0]
    for runs, words in [
        ([("rs", made_up("rs", 0)), ("asha", empty)], "empty"),
        ([("rs", made_up("rs", 0)), ("rs", made_up("rs", 0))], "two runs"),
        ([("rs", made_up("rs", 0)), ("rs", made_up("rs", 1))], "nothing to compare with"),
        ([("rs", made_up("rs", 0)), ("asha", made_up("asha", 1))], "share no seed"),
        ([], "nothing to compare"),
    ]:
        with pytest.raises(RecordError, match=words):
            gather(runs)


def test_runs_of_unequal_length_are_compared_up_to_the_shortest_and_it_is_said() -> None:
    budget = {"trials": 10}
    runs = [
        ("rs", made_up("rs", 0, budget_s=100, budget=budget)),
        ("asha", made_up("asha", 0, budget_s=60, budget=budget)),
    ]
    found = gather(runs)
    assert found.budget_s == 60 and "compared up to the shortest" in found.notes[0]
    assert max(c["time_s"].max() for curves in found.curves.values() for c in curves) <= 60


def test_runs_that_reported_nothing_in_time_are_refused_and_one_among_others_is_censored() -> None:
    budget = {"time": 5.0}
    slow = [("rs", made_up("rs", 0, budget=budget)), ("asha", made_up("asha", 0, budget=budget))]
    for _, run in slow:
        run.curves["time_s"] += 50
    with pytest.raises(RecordError, match="no run reported anything within 5 s"):
        gather(slow)
    mixed = [*slow, ("rs", made_up("rs", 1, budget=budget)), ("asha", made_up("asha", 1, budget=budget))]
    assert gather(mixed).incumbents["rs"][0].best == float("inf")


def test_trials_trained_again_to_confirm_do_not_count() -> None:
    runs = blocks_of(1)
    run = runs[0][1]
    run.trials.loc[0, "phase"] = "confirm"
    found = gather(runs)
    assert "00000" not in set(found.curves["rs"][0]["trial_id"])


def test_the_clock_without_collapsed_trials_stands_still_while_they_train() -> None:
    curves = pd.DataFrame(
        {"trial_id": ["a", "dead", "dead", "b"], "time_s": [2.0, 3.0, 5.0, 6.0], "epoch_s": [2.0, 1.0, 2.0, 1.0]}
    )
    kept = without_collapsed(curves, {"dead"}, workers=1)
    assert kept["trial_id"].tolist() == ["a", "b"] and kept["time_s"].tolist() == [2.0, 3.0]
    half = without_collapsed(curves, {"dead"}, workers=2)
    assert half["time_s"].tolist() == [2.0, 4.5]


def test_a_trial_that_had_no_time_to_learn_is_not_called_collapsed() -> None:
    """By a tenth of the epochs: of 9 the first is enough, of 20 it takes two."""
    runs = blocks_of(1)
    stopped_at_one = sum((run.trials["collapsed"] & (run.trials["epochs"] == 1)).sum() for _, run in runs)
    assert stopped_at_one > 0
    for _, run in runs:
        run.study = run.study.model_copy(update={"epochs": 20})
    kept = {t for c in gather(runs).without_collapsed().curves["asha"] for t in c["trial_id"]}
    asha = runs[1][1].trials
    assert set(asha.loc[asha["epochs"] == 1, "trial_id"]) <= kept
    assert not set(asha.loc[asha["collapsed"] & (asha["epochs"] > 1), "trial_id"]) & kept


def test_without_collapsed_trials_all_runs_keep_a_common_budget() -> None:
    found = gather(blocks_of(4))
    cleared = found.without_collapsed()
    assert 0 < found.collapsed_share["rs"] < 0.6
    assert cleared.budget_s < found.budget_s
    for strategy, curves in cleared.curves.items():
        for run, frame in zip(cleared.runs[strategy], curves, strict=True):
            dead = set(run.trials.loc[run.trials["collapsed"], "trial_id"])
            assert not dead & set(frame["trial_id"]) and frame["time_s"].is_monotonic_increasing


def test_a_run_that_somebody_changed_by_hand_is_said() -> None:
    runs = blocks_of(2)
    changed = next(run for name, run in runs if name == "asha")
    changed.summary["asked_by_hand"] = [{"time_s": 1.0, "do": "stop", "trial_id": "00001", "epoch": 1}]
    [note] = gather(runs).notes
    assert note.startswith(f"asha, seed {changed.summary['seed']}: somebody changed the run by hand (1 times)")
