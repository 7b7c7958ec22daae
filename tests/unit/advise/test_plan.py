"""What a budget buys is counted by rehearsal; what it cannot buy is refused with the nearest budget that can."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.unit.rehearse.made import SPACE, table
from typer.testing import CliRunner

from perch.advise.budget import Demand, check_feasible, confirmations_s, fresh_trainings, plan
from perch.advise.planning import lines
from perch.advise.probe import asked, constructed
from perch.cli.plan import app
from perch.errors import PerchError, StudyError
from perch.rehearse.tables.table import Recorded
from perch.rehearse.variants import variants
from perch.study import Study, parse

ROOT = Path(__file__).parents[3]


def study(**changes: Any) -> Study:
    given: dict[str, Any] = {
        "space": SPACE.spec(),
        "epochs": 9,
        "budget": {"time": "8h"},
        "confirm": {"top": 2, "seeds": 3},
    }
    return parse({**given, **changes})


PLAIN = table(200, seconds=np.full((200, 9), 10.0), recorded=Recorded())


def test_the_confirmation_is_given_to_the_first_free_worker() -> None:
    """Nine trainings of 90 s, the starting point's among them: three rounds on four workers, one on nine, nine on one."""
    for workers, expected_s in ((4, 270.0), (9, 90.0), (1, 810.0)):
        found = confirmations_s(PLAIN, study(), Demand(workers, 1.0, 8.0), 3)
        assert found.tolist() == [expected_s] * 3
    assert confirmations_s(PLAIN, study(confirm={"top": 0}), Demand(1, 1.0, 8.0), 2).tolist() == [0.0, 0.0]


def test_a_race_is_planned_within_its_share_and_with_the_smallest_race_at_least() -> None:
    race = study(confirm={"share": 0.25}, budget={"time": "1h"})
    demand = Demand(4, 1.0, 8.0)
    assert fresh_trainings(PLAIN, race, demand) == 30, "five configurations and the starting point, five seeds at most"
    assert fresh_trainings(PLAIN, study(confirm={"share": 0.1}, budget={"time": "1h"}), demand) == 4 * (360 // 90)
    assert fresh_trainings(PLAIN, study(confirm={"share": 0.25}, budget={"time": "1m"}), demand) == 2
    bought = plan(PLAIN, race, variants(["asha"])[0], demand, range(2), processes=1)
    assert bought.confirm_trainings == 30
    told = "\n".join(lines(race, PLAIN, demand, bought))
    assert "a share of 0.25 of the search: at most 30 full trainings with fresh seeds" in told


def test_rungs_hours_and_cost_add_up() -> None:
    demand = Demand(4, 0.5, 0.5, walltime_s=1000.0, price_per_gpu_hour=3.0)
    bought = plan(PLAIN, study(), variants(["asha"])[0], demand, range(4), processes=1)
    levels = dict(bought.rungs)
    assert list(levels) == [1, 3, 9]
    assert levels[1].mean > levels[3].mean > levels[9].mean == bought.full.mean > 0
    assert levels[1].mean <= bought.trials.mean <= levels[1].mean + 4
    assert bought.search_s.mean == pytest.approx(1800 - 270)
    assert bought.gpu_hours == pytest.approx(4 * 0.5 * 0.5)
    assert bought.price == pytest.approx(3.0)
    assert bought.requeues == 1
    assert bought.finishes == 1.0
    epochs = 4 * (1800 - 270) / 10
    assert 100 * epochs < bought.log_bytes < 2000 * epochs


def test_a_number_of_trials_ends_the_search_early() -> None:
    few = study(budget={"trials": 8, "time": "8h"})
    bought = plan(PLAIN, few, variants(["rs"])[0], Demand(4, 1.0, 8.0), range(2), processes=1)
    assert bought.trials.mean == 8
    assert bought.search_s.mean == pytest.approx(180.0)  # two rounds of nine epochs
    assert bought.gpu_hours == pytest.approx(4 * 450 / 3600)


def test_the_chance_of_finishing_falls_with_the_time_left() -> None:
    uneven = table(
        200, seconds=np.repeat(np.random.default_rng(0).uniform(2, 30, (200, 1)), 9, axis=1), recorded=Recorded()
    )
    short = study(budget={"trials": 40, "time": "8h"})

    def chance(hours: float) -> float:
        return plan(uneven, short, variants(["rs"])[0], Demand(4, 1.0, hours), range(4), processes=1).finishes

    assert chance(1.0) == 1.0
    assert chance(0.6) >= chance(0.45) >= chance(0.4)
    assert chance(0.4) < 1.0


@pytest.mark.parametrize("hours", [0.01, 0.04])
def test_the_impossible_is_refused_with_the_nearest_budget_that_works(hours: float) -> None:
    with pytest.raises(StudyError, match="too short") as error:
        check_feasible(PLAIN, study(), Demand(2, 1.0, hours))
    enough = re.search(r"--hours ([\d.]+)", error.value.fix)
    assert enough is not None
    check_feasible(PLAIN, study(), Demand(2, 1.0, float(enough[1])))
    with pytest.raises(StudyError):
        check_feasible(PLAIN, study(), Demand(2, 1.0, 0.9 * float(enough[1])))


def test_a_walltime_within_an_epoch_is_refused() -> None:
    with pytest.raises(StudyError, match="less than one epoch"):
        check_feasible(PLAIN, study(), Demand(2, 1.0, 8.0, walltime_s=5.0))


def test_constructed_curves_have_the_named_epoch_and_keep_one_in_three() -> None:
    made = constructed(SPACE, 9, asked(60.0), "validation_mae_ev")
    assert made.epoch_s == pytest.approx(60.0, rel=0.05)
    bought = plan(made, study(confirm={"top": 0}), variants(["asha"])[0], Demand(16, 1.0, 8.0), range(4), processes=1)
    levels = dict(bought.rungs)
    assert levels[3].mean / levels[1].mean == pytest.approx(1 / 3, abs=0.05)


def test_a_plan_for_a_named_epoch_says_all_of_it() -> None:
    options = ["--gpus", "4", "--hours", "4", "--epoch-s", "30", "--walltime", "2h", "--price", "2", "--seeds", "2"]
    done = CliRunner().invoke(app, [str(ROOT / "studies" / "study-1.yaml"), *options, "--set", "epochs=9"])
    assert done.exit_code == 0, done.output
    for part in (
        "trials:",
        "reach epoch:",
        "to the end:",
        "confirmation:",
        "GPU-hours:",
        "cost of",
        "disk:",
        "requeues:",
        "chance of",
    ):
        assert part in done.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--gpus", "0", "--hours", "8", "--epoch-s", "60"], "--gpus 0"),
        (["--gpus", "4", "--hours", "0", "--epoch-s", "60"], "--hours 0"),
        (["--gpus", "4", "--hours", "8", "--epoch-s", "0"], "--epoch-s 0"),
        (["--gpus", "4", "--hours", "8", "--epoch-s", "60", "--price", "-1"], "--price -1"),
        (["--gpus", "4", "--hours", "8", "--epoch-s", "60", "--walltime", "soon"], "--walltime soon"),
        (["--gpus", "4", "--hours", "1", "--epoch-s", "60"], "too short"),
        (["--gpus", "4", "--hours", "8", "--epoch-s", "60", "--set", "strategy=pbt"], "pbt cannot be rehearsed"),
    ],
)
def test_bad_input_is_one_clear_error(options: list[str], said: str) -> None:
    done = CliRunner().invoke(app, [str(ROOT / "studies" / "study-1.yaml"), *options])
    assert isinstance(done.exception, PerchError)
    assert said in str(done.exception)
