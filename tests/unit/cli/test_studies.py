"""Commands that run several trainings: their options reach the function that does the work, its answer is the exit code."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from perch import audit, record
from perch.compare import command
from perch.schedule import command as schedule_command
from perch.schedule import plain

Perch = Callable[..., Any]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    yield tmp_path


class TestCompare:
    def test_a_study_and_how_it_is_compared(self, perch: Perch, replaced: Callable[..., Any], here: Path) -> None:
        called = replaced(command, "compare_study", 75)
        said = perch(
            "compare", "study.yaml", "--strategies", "rs,asha+checkpoints=all", "--seeds", 3, "--time-budget", "90s",
            "--reference", "rs", "--target", 0.2, "--target", 0.1, "--out", here, "--run-id", "c", "--resume", "--only", 4,
            "--min-cpu-share", 0, "--set", "epochs=9",
        )  # fmt: skip
        assert said.code == 75
        assert dict(called) == {
            "given": ["study.yaml"], "strategies": ["rs", "asha+checkpoints=all"], "seeds": 3, "time_budget": "90s",
            "reference": "rs", "targets": [0.2, 0.1], "out": here, "run_id": "c", "resume": True, "only": 4,
            "min_cpu_share": 0.0, "overrides": ["epochs=9"], "allow_test_metric": False,
        }  # fmt: skip

    def test_without_words_the_embedded_study_with_the_three_strategies_of_the_source(
        self, perch: Perch, replaced: Callable[..., Any]
    ) -> None:
        called = replaced(command, "compare_study", 0)
        assert perch("compare").code == 0
        expected = {"given": [], "strategies": ["asha", "ahb", "rs"], "seeds": 10, "time_budget": "10m", "targets": []}
        assert {name: called[name] for name in expected} == expected

    def test_folders_are_judged_and_not_run(self, perch: Perch, replaced: Callable[..., Any], here: Path) -> None:
        (here / "a").mkdir()
        (here / "b").mkdir()
        study, runs = replaced(command, "compare_study", 0), replaced(command, "compare_runs", 0)
        assert perch("compare", "a", "b", "--strategies", "rs,asha").code == 0
        assert not study and runs["folders"] == [Path("a"), Path("b")] and runs["strategies"] == ["rs", "asha"]
        perch("compare", "a", "b")
        assert runs["strategies"] is None, "all that the folder holds"


class TestTrain:
    @pytest.fixture
    def order(self, replaced: Callable[..., Any]) -> Any:
        """What is to be trained; the training itself is a stand-in in which one of two seeds diverges."""
        made = SimpleNamespace(epochs=2, seeds=[4, 5])
        found = replaced(plain, "make_order", made)
        self.trained = replaced(plain, "train", {"diverged": [5]})
        replaced(plain, "lines", ["0.1 eV"])
        return found

    def test_configuration_schedule_and_repeats(self, perch: Perch, order: Any, here: Path) -> None:
        (here / "config.json").write_text(json.dumps({"config": {"lr": 0.02}}))
        (here / "schedule.json").write_text(json.dumps({"lr": [0.1, 0.01]}))
        said = perch(
            "train", "--config", "config.json", "--lr-schedule", "schedule.json", "--repeats", 2, "--epochs", 9, "--seed", 4,
            "--set", "optimizer=sgd", "--out", here / "out", "--run-id", "t",
        )  # fmt: skip
        assert said.code == 0 and "0.1 eV" in said.out
        study, config, schedule, repeats, epochs = order.values()
        assert (study.seed, study.optimizer, config, schedule) == (4, "sgd", {"lr": 0.02}, {"lr": [0.1, 0.01]})
        assert (repeats, epochs) == (2, 9)
        assert self.trained["folder"] == here / "out" / "t"

    def test_it_fails_where_every_seed_diverged(self, perch: Perch, order: Any, replaced: Callable[..., Any]) -> None:
        replaced(plain, "train", {"diverged": [4, 5]})
        assert perch("train", "--run-id", "t").code == 1

    def test_resume_takes_the_newest_training(self, perch: Perch, order: Any, here: Path) -> None:
        import os

        for age, name in enumerate(("older", "newest")):
            (here / "out" / name).mkdir(parents=True)
            (here / "out" / name / "order.json").write_text("{}")
            os.utime(here / "out" / name / "order.json", (1000 + age, 1000 + age))
        assert perch("train", "--out", "out", "--resume").code == 0
        assert self.trained["folder"].name == "newest"

    def test_nothing_to_resume_is_bad_input(self, perch: Perch, order: Any) -> None:
        code, _, err = perch("train", "--out", "nowhere", "--resume")
        assert code == 2 and "no training to resume" in err and not self.trained


class TestSchedule:
    @pytest.fixture
    def run(self, replaced: Callable[..., Any], here: Path) -> Any:
        replaced(record, "load", SimpleNamespace(folder=here / "r"))
        self.validated = replaced(schedule_command, "validate_schedule", ["validated"])
        return replaced(schedule_command, "make_schedule", ["made"])

    def test_it_is_written_into_the_run_and_not_validated(self, perch: Perch, run: Any, here: Path) -> None:
        assert perch("schedule", "r") == (0, "made\n", "")
        assert list(run.values())[1] == here / "r" / "schedule" and not self.validated

    def test_it_is_validated_with_as_many_seeds_as_asked(self, perch: Perch, run: Any, here: Path) -> None:
        assert perch("schedule", "r", "--out", "there", "--validate", 5).out == "made\nvalidated\n"
        assert list(run.values())[1] == Path("there") and 5 in self.validated.values()


def test_an_audit_has_its_sample_and_its_folder(perch: Perch, replaced: Callable[..., Any], here: Path) -> None:
    replaced(record, "load", SimpleNamespace(folder=here / "r"))
    called = replaced(audit, "audit", ["it was safe"])
    assert perch("audit", "r") == (0, "it was safe\n", "")
    assert list(called.values())[1:3] == [20, here / "r" / "audit"]
    perch("audit", "r", "--sample", 7, "--out", "there")
    assert list(called.values())[1:3] == [7, Path("there")]
