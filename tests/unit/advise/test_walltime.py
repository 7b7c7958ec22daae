"""A job's walltime from a record: what nine of ten runs take for search and confirmation, with a margin."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.unit.rehearse.made import SPACE, table
from typer.testing import CliRunner

from perch.advise.walltime import lasts_s
from perch.cli.run import changes_of
from perch.cli.slurm import app
from perch.rehearse.tables.table import Recorded
from perch.study import Study, parse

ROOT = Path(__file__).parents[3]
PLAIN = table(200, seconds=np.full((200, 9), 10.0), recorded=Recorded())
"""Every training takes 90 s."""


def study(**changes: Any) -> Study:
    return parse({"space": SPACE.spec(), "epochs": 9, "strategy": "rs", "confirm": {"top": 2, "seeds": 2}, **changes})


def test_a_budget_of_time_and_its_confirmation_with_a_margin() -> None:
    """8 h, and four trainings of 90 s on two workers: 29,010 s; a tenth more, in steps of five minutes."""
    assert lasts_s(study(budget={"time": "8h"}), PLAIN, 2) == 32100


def test_a_budget_of_trials_is_rehearsed() -> None:
    """Forty trainings and four more, on four workers: 11 rounds of 90 s."""
    assert lasts_s(study(budget={"trials": 40}), PLAIN, 4) == 1200
    assert lasts_s(study(budget={"trials": 40, "time": 60}), PLAIN, 4) == 300


def test_what_the_command_line_changes_counts() -> None:
    assert changes_of(["study.yaml", "--trials", "9", "--set", "epochs=3"]) == ["epochs=3", 'budget={"trials": 9}']


@pytest.mark.parametrize(("budget", "walltime"), [("1h", "01:10:00"), ("2h", "02:15:00")])
def test_the_script_asks_for_what_the_record_foretells(tmp_path: Path, budget: str, walltime: str) -> None:
    recorded = str(ROOT / "studies/recorded/study-both")
    file = str(ROOT / "studies/recorded/study-both/study.yaml")
    arguments = ["script", file, "--cpus-per-node", "2", "--record", recorded, "--out", str(tmp_path)]
    found = CliRunner().invoke(app, [*arguments, "--", "--time-budget", budget])
    assert found.exit_code == 0, found.exception
    assert f"#SBATCH --time={walltime}" in found.stdout
    refused = CliRunner().invoke(app, [*arguments, "--time", "3h"])
    assert "#SBATCH --time=03:00:00" in refused.stdout, "what was asked for stands"
