"""``perch run``: its options change the study or reach the run, and the run's code is the command's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perch.log.folder import RunFolder
from perch.overrides import override
from perch.runs import last_lines, runner
from perch.runs.outcome import Outcome


@pytest.fixture
def called(replaced: Callable[..., Any], tmp_path: Path) -> Any:
    """The arguments of the run; it is done at once."""
    replaced(last_lines, "closing", ["the last line"])
    return replaced(runner, "run_study", Outcome(RunFolder(tmp_path / "r"), "done", "every trial has ended"))


def test_without_a_file_the_embedded_study_runs(perch: Callable[..., Any], called: Any) -> None:
    code, out, err = perch("run")
    assert (code, out) == (0, "the last line\n")
    assert err.startswith("perch run: the embedded study\n  reading the study … ")
    assert called["study"].data.source == "adsorption"
    assert (called["out"], called["run_id"], called["resume"]) == (None, None, False)
    assert called["began_s"] > 0, "the clock of a run starts with the command"


def test_options_win_over_the_file(perch: Callable[..., Any], called: Any, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(
        "name: mine\ndata: {source: toy}\nspace: {lr: {float: [0.001, 0.1]}}\nbudget: {trials: 5}\nseed: 1\n"
    )
    said = perch(
        "run", tmp_path / "study.yaml", "--strategy", "rs", "--time-budget", "1h30m", "--seed", 4, "--set", "epochs=7", "--set",
        "data.cutoff_angstrom=5", "--out", tmp_path / "out", "--run-id", "mine", "--resume",
        "--allow-changed-data",
    )  # fmt: skip
    assert said.code == 0
    study = called["study"]
    assert (study.name, study.strategy_name, study.seed, study.epochs, study.data.cutoff_angstrom) == (
        "mine",
        "rs",
        4,
        7,
        5.0,
    )
    assert (study.budget.trials, study.budget.time) == (None, 5400.0), (
        "a budget on the command line replaces the file's"
    )
    assert (called["out"], called["run_id"], called["resume"]) == (tmp_path / "out", "mine", True)
    assert called["allow_changed_data"] is True


@pytest.mark.parametrize(("ending", "code"), [("done", 0), ("hopeless", 1), ("interrupted", 75)])
def test_the_runs_code_is_the_commands(
    perch: Callable[..., Any], replaced: Callable[..., Any], tmp_path: Path, ending: str, code: int
) -> None:
    replaced(last_lines, "closing", [])
    replaced(runner, "run_study", Outcome(RunFolder(tmp_path), ending, "so it was"))
    assert perch("run")[0] == code


def test_a_study_that_cannot_be_read_is_refused_and_nothing_is_run(perch: Callable[..., Any], called: Any) -> None:
    code, _, err = perch("run", "nowhere.yaml")
    assert code == 2 and "cannot read the study 'nowhere.yaml'" in err and not called


def test_named_options_come_after_what_is_set() -> None:
    assert override(["seed=1", "epochs=3"], seed=2) == ["seed=1", "epochs=3", "seed=2"]
    assert override(trials=9) == ['budget={"trials": 9}']
    assert override(trials=9, time_budget="2h") == ['budget={"trials": 9, "time": "2h"}']
    assert override(strategy="yes") == ['strategy="yes"'], "a name that YAML would read as something else stays a name"
    assert override() == []


def test_metric_gpus_and_workers(perch: Callable[..., Any], called: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: set(range(4)))
    assert perch("run", "--metric", "test_mae_ev", "--gpus", "0.5", "--workers", "3").code == 0
    assert (called["study"].metric, called["study"].resources.gpus, called["cpus"]) == ("test_mae_ev", 0.5, 3)
    code, _, err = perch("run", "--workers", "5")
    assert code == 2 and "this machine offers 4" in err and "--workers 4" in err
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:6379")
    code, _, err = perch("run", "--workers", "2")
    assert code == 2 and "RAY_ADDRESS names a cluster" in err


def test_all_that_a_command_line_changes_of_its_study_is_told() -> None:
    """Each option that ``perch run`` turns into a change; a forgotten one would plan for another study."""
    import inspect

    from perch.cli.run import changes_of
    from perch.overrides import override

    given = {"strategy": "rs", "trials": 3, "time_budget": "9m", "seed": 5, "metric": "loss", "gpus": 0.5}
    assert set(given) == set(inspect.signature(override).parameters) - {"given"}
    words = [word for key, value in given.items() for word in (f"--{key.replace('_', '-')}", str(value))]
    assert changes_of(["--set", "epochs=9", *words]) == override(["epochs=9"], **given)
