"""The winner, what it was measured against, and the words for it, from hand-made lists of events."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.hand_made import trial
from tests.unit.record.test_summary import ATTEMPT, DONE, SEARCH, of, repeat, reported

from perch.record.words import selection, totals, winner_line, worth_it


def confirm(*trials: str, start: str | None = None, **more: Any) -> dict[str, Any]:
    return {"e": "confirm", "trials": list(trials), "start": start, "used_s": 6.0, **more}


def fresh(**values: list[float]) -> list[dict[str, Any]]:
    """Trainings with fresh seeds: ``t00000=[…]`` or ``start=[…]``."""
    out: list[dict[str, Any]] = []
    for name, found in values.items():
        for number, value in enumerate(found, 1):
            out += repeat(name.removeprefix("t"), number, value, 7.0)
    return out


def raced(against: str, /, **values: list[float]) -> dict[str, Any]:
    names = [name.removeprefix("t") for name in values]
    configs = {name: {"x": 0.1} for name in names}
    return of(*SEARCH, confirm(*names, start=against, configs=configs), *fresh(**values), DONE)


def test_the_winners_numbers_are_those_of_its_fresh_seeds() -> None:
    won = raced("00000", t00000=[0.5, 0.6, 0.55], t00001=[0.42, 0.44, 0.43])["winner"]
    assert (won["trial_id"], won["seeds"], won["trained_to_the_end"]) == ("00001", 3, True)
    assert won["validation_mae_ev"] == pytest.approx(0.43) and won["test_mae_ev"] == pytest.approx(0.53)
    assert won["validation_mae_ev_deviation"] == pytest.approx(0.01)
    assert won["trainings"] == ["confirm-00001-1", "confirm-00001-2", "confirm-00001-3"]


def test_the_winner_has_the_lowest_settled_values_where_the_race_had_a_window() -> None:
    """One configuration swings from epoch to epoch, and its lowest value is the lowest of all; the other one stays."""

    def training(name: str, number: int, values: list[float]) -> list[dict[str, Any]]:
        [began, _] = repeat(name, number, 0.0, 7.0)
        *rest, last = enumerate(values, 1)
        return [began, *(reported(began["id"], e, v, 7.0) for e, v in rest), reported(began["id"], *last, 7.0, "stop")]

    events = [
        *training("00000", 1, [0.6, 0.2, 0.6]), *training("00000", 2, [0.5, 0.6, 0.2]),
        *training("00001", 1, [0.3, 0.32, 0.3]), *training("00001", 2, [0.32, 0.3, 0.3]),
    ]  # fmt: skip
    before = of(*SEARCH, confirm("00000", "00001", start="00000"), *events, DONE)
    assert before["winner"]["trial_id"] == "00000" and before["winner"]["settled"] == pytest.approx(0.2)
    found = of(*SEARCH, confirm("00000", "00001", start="00000", window=2), *events, DONE)
    won, start = found["winner"], found["start_point"]
    assert (won["trial_id"], won["settled"]) == ("00001", pytest.approx((0.31 + 0.3) / 2))
    assert start["settled"] == pytest.approx(0.4), "the lowest mean of two epochs in a row, over two seeds"
    assert won["validation_mae_ev"] == pytest.approx(0.3), "the numbers are those of the epoch that is kept"
    assert "validation MAE 0.300 ± 0.000 eV (settled, 2 epochs in a row: 0.305), test MAE 0.400" in winner_line(found)
    [one] = [c for c in found["comparisons"] if c["with"] == "starting point"]
    assert one["better_by"] == pytest.approx(0.095)
    assert any("by 0.095 eV settled" in text for _, text in worth_it(found))
    [mean] = [c for c in found["comparisons"] if c["with"] == "mean"]
    assert mean["better_by"] == pytest.approx(1.0 - 0.3), "a baseline is compared with what is kept"


def test_what_choosing_the_lowest_of_many_made_of_its_value_is_a_number() -> None:
    found = raced("00001", t00000=[0.5, 0.52], t00001=[0.9, 0.9])
    assert found["winner"]["search"]["value"] == 0.4
    assert found["winner"]["selection_bias"] == pytest.approx(0.11)
    assert list(selection(found)) == [
        "In the search its value was 0.4 eV, so the search flattered it (selection bias +0.11 eV)."
    ]


def test_better_than_the_starting_point_by_so_much() -> None:
    found = raced("00000", t00000=[0.50, 0.55, 0.60], t00001=[0.40, 0.44, 0.51])
    assert found["start_point"]["trial_id"] == "00000" and found["start_point"]["seeds"] == 3
    [one] = [c for c in found["comparisons"] if c["with"] == "starting point"]
    assert (one["says"], one["seeds"]) == ("better", 3)
    assert one["better_by"] == pytest.approx(0.10)
    # paired: the differences 0.10, 0.11 and 0.09 have a deviation of 0.01, and t(0.975, 2) is 4.303
    assert (one["low"], one["high"]) == (
        pytest.approx(0.10 - 0.02484, abs=1e-4),
        pytest.approx(0.10 + 0.02484, abs=1e-4),
    )
    sentence = {text: kind for kind, text in worth_it(found)}
    assert sentence[
        "Better than the starting point (trial 00000) by 0.1 eV, 95 % interval 0.0752 to 0.125, paired over 3 fresh seeds; "
        "on the test set by 0.1 eV (0.0752 to 0.125)."
    ] == "plain"  # fmt: skip


def test_nothing_better_was_found_where_the_starting_point_wins() -> None:
    found = raced("00000", t00000=[0.3, 0.3], t00001=[0.4, 0.4])
    assert found["winner"]["trial_id"] == found["start_point"]["trial_id"] == "00000"
    assert ("warning", "Nothing better was found than the starting point: it is the winner.") in worth_it(found)


def test_nor_where_chance_could_have_made_the_difference() -> None:
    found = raced("00000", t00000=[0.5, 0.3, 0.4], t00001=[0.3, 0.45, 0.39])
    kind, text = worth_it(found)[0]
    assert kind == "warning"
    assert text.startswith(
        "Nothing better was found than the starting point (trial 00000), as far as these trainings show: better by 0.02 eV"
    )


def test_one_seed_each_says_nothing_of_chance() -> None:
    found = raced("00000", t00000=[0.5], t00001=[0.4])
    assert found["comparisons"][0]["says"] == "open"
    assert "on one fresh seed, which says nothing of chance" in worth_it(found)[0][1]


def test_a_second_best_that_chance_could_have_put_first_is_a_tie() -> None:
    found = raced("start", start=[0.9, 0.8, 0.85], t00000=[0.50, 0.41, 0.45], t00001=[0.43, 0.45, 0.41])
    texts = [text for _, text in worth_it(found)]
    assert any(text.startswith("A tie with the second best (trial 00000): better by 0.0233 eV") for text in texts)
    assert any(text.startswith("Better than the starting point by 0.42 eV") for text in texts)


def test_a_starting_point_that_the_search_never_met_can_win() -> None:
    found = raced("start", start=[0.2, 0.21], t00000=[0.5, 0.52])
    assert (found["winner"]["trial_id"], found["winner"]["by"]) == ("start", "starting point")
    assert found["winner"]["selection_bias"] is None and list(selection(found)) == []
    assert winner_line(found).startswith("the starting point, 2 fresh seeds, trained to the end: validation MAE 0.205")
    assert found["best"]["trial_id"] == "00000", "best stays a trial of the search"


def test_baselines_are_compared_too_on_both_sets() -> None:
    found = raced("00000", t00000=[0.5, 0.6], t00001=[0.3, 0.32, 0.31])
    [ridge] = [c for c in found["comparisons"] if c["with"] == "ridge_composition"]
    assert (ridge["says"], ridge["better_by"]) == ("better", pytest.approx(0.19))
    [mean] = [c for c in found["comparisons"] if c["with"] == "mean"]
    assert mean["test"]["better_by"] == pytest.approx(1.1 - 0.41)


def test_a_configuration_that_failed_once_does_not_win() -> None:
    events = fresh(t00000=[0.5, 0.5], t00001=[0.1])
    began = {**trial("00009", {}, 7.0, phase="confirm", of="00001", repeat=2), "id": "confirm-00001-2"}
    failed = {"e": "error", "id": "confirm-00001-2", "failure": "diverged", "message": "nan", "used_s": 8.0}
    found = of(*SEARCH, confirm("00000", "00001"), *events, began, failed, DONE)
    assert found["winner"]["trial_id"] == "00000"


def test_without_fresh_seeds_the_winner_is_the_best_that_was_trained_to_the_end() -> None:
    lucky = [trial("00007", {"x": 0.9}, 5.0), reported("00007", 1, 0.1, 5.5, "stop")]
    found = of(*SEARCH, *lucky, DONE)
    assert (found["winner"]["trial_id"], found["winner"]["seeds"]) == ("00000", 0)
    assert found["best"]["trial_id"] == "00007", "best is the incumbent of the search"
    assert "in the search alone, trained to the end" in winner_line(found)


def test_a_winner_that_was_stopped_early_is_called_so() -> None:
    early = (ATTEMPT, trial("00001", {"x": 0.2}, 1.0), reported("00001", 1, 0.41, 5.0, "stop"))
    found = of(*early, DONE)
    assert found["winner"]["trained_to_the_end"] is False
    assert "stopped early at epoch 1 of 3" in winner_line(found)


def test_own_metrics_are_named_too() -> None:
    events = []
    for number in (1, 2):
        name = f"confirm-00000-{number}"
        began = {**trial("00009", {}, 7.0, phase="confirm", of="00000", repeat=number), "id": name}
        done = {"e": "result", "id": name, "seg": 0, "epoch": 3, "value": 0.5, "d": "stop", "used_s": 8.0}
        events += [began, {**done, "m": {"loss": 0.5, "force_mae": 0.1 * number, "time_this_iter_s": 1.0}}]
    found = of(*SEARCH, confirm("00000"), *events, DONE, metric="loss")
    assert found["winner"]["metrics"] == {"force_mae": pytest.approx(0.15), "loss": 0.5}
    assert "force_mae 0.15" in winner_line(found)


def test_time_and_epochs_of_search_and_fresh_seeds_are_told_apart() -> None:
    found = raced("00000", t00000=[0.5, 0.6], t00001=[0.4, 0.4])
    assert found["search"] == {"epochs": 4, "wall_s": 6.0}
    assert (found["fresh_seeds"]["trainings"], found["fresh_seeds"]["epochs"]) == (4, 4)
    assert found["search"]["wall_s"] + found["fresh_seeds"]["wall_s"] == pytest.approx(found["wall_s"])
    assert totals(found) == "4 trials, 2 failed; search 4 epochs in 6 s; fresh seeds 4 trainings, 4 epochs in 3 s"
