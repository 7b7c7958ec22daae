"""Before it starts, a run says what its budget buys, from an earlier run of the same space; else nothing but the budget."""

import time
from pathlib import Path
from typing import Any

import pytest
from tests.unit.hand_made import result, run_folder, start, study, trial

from perch.advise import expected as module
from perch.advise.expected import expected
from perch.record import earlier as folders
from perch.record import write

DONE = {"e": "close", "why": "done", "reason": "every trial has ended"}
CONFIRM = {"top": 1, "seeds": 2}


def earlier(root: Path, name: str = "earlier", **changes: Any) -> None:
    """Two workers for 20 s: ten trials, two of them to epoch 3 in 4 s each; then 6 s of confirmation."""
    events: list[dict[str, Any]] = []
    for k in range(10):
        began_s, whole = 4.0 * (k // 2), k < 2
        events += [trial(f"{k:05d}", {"x": k / 10}, began_s), start(f"{k:05d}", began_s, slots=2)]
        events.append(result(f"{k:05d}", 3 if whole else 1, 0.5 + k, began_s + 4.0, "stop"))
    events.append({"e": "confirm", "trials": ["00000"], "used_s": 20.0})
    for repeat in range(2):
        began = trial("00010", {"x": 0.0}, 20.0, phase="confirm", of="00000", repeat=repeat)
        events += [{**began, "id": f"c-{repeat}"}, result(f"c-{repeat}", 3, 0.5, 26.0, "stop")]
    spec = study(budget={"time": 20}, confirm=CONFIRM, **changes)
    write(run_folder(root / name, spec, [*events, {**DONE, "used_s": 26.0}]))


def asked(**changes: Any) -> Any:
    return study(**{"budget": {"time": 60}, "confirm": CONFIRM, **changes})


def test_three_times_the_time_buys_three_times_the_trials(tmp_path: Path) -> None:
    earlier(tmp_path)
    assert expected(asked(), tmp_path) == (
        "budget: 1 min 00 s: about 30 trials, 6 to the end, in 1 min 00 s, then 6 s of confirmation (as in earlier, 2 workers)"
    )


def test_a_number_of_trials_is_said_in_time(tmp_path: Path) -> None:
    earlier(tmp_path)
    line = expected(asked(budget={"trials": 40}), tmp_path)
    assert "40 trials: about 40 trials, 8 to the end, in 1 min 20 s" in line
    assert "about 20 trials" in expected(asked(budget={"trials": 400, "time": 40}), tmp_path), "whichever comes first"


def test_another_confirmation_is_reckoned_in_full_trainings(tmp_path: Path) -> None:
    """Twelve trainings of 4 s on two workers."""
    earlier(tmp_path)
    assert "then about 24 s of confirmation" in expected(asked(confirm={"top": 4, "seeds": 3}), tmp_path)
    assert "confirmation" not in expected(asked(confirm={"top": 0}), tmp_path)


def test_a_run_of_another_strategy_says_full_trainings_only(tmp_path: Path) -> None:
    earlier(tmp_path)
    line = expected(asked(strategy="rs"), tmp_path)
    assert "worth 30 full trainings of 4 s" in line
    assert "rs has not run here yet" in line


@pytest.mark.parametrize(
    "changes",
    [{"space": {"x": {"float": [0.0, 2.0]}}}, {"epochs": 9}, {"metric": "accuracy"}, {"trainable": "toy:Other"}],
)
def test_a_run_of_another_study_says_nothing(tmp_path: Path, changes: dict[str, Any]) -> None:
    earlier(tmp_path, **changes)
    assert "no run of this space" in expected(asked(), tmp_path)


def test_what_cannot_be_read_never_fails_a_run(tmp_path: Path) -> None:
    assert "no run of this space" in expected(asked(), tmp_path / "nowhere")
    for name, summary, text in (
        ("empty", "", ""), ("list", "[]", "a"), ("torn", '{"metric": "loss"', ""), ("keys", "{}", "{}"), ("null", "null", "x: ["),
        ("bare", '{"metric": "loss", "epochs": 1, "wall_s": 1}', "epochs: 3"),
        ("study", '{"metric": "loss", "epochs": 1, "wall_s": 1}', "[1, 2]"), ("numbers", '{"metric": "loss", "epochs": 1, "wall_s": "x"}', "a: ["),
    ):  # fmt: skip
        (tmp_path / name).mkdir()
        (tmp_path / name / "summary.json").write_text(summary)
        (tmp_path / name / "study.yaml").write_text(text)
    (tmp_path / "folder" / "summary.json").mkdir(parents=True)
    assert "no run of this space" in expected(asked(), tmp_path)
    earlier(tmp_path)
    assert "about 30 trials" in expected(asked(), tmp_path)


def test_many_folders_are_not_all_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the time is up no further one is opened: the cost is bounded whatever the folder holds."""
    earlier(tmp_path)
    read: list[Path] = []

    def slow(file: Path, mine: Any) -> None:
        read.append(file)
        time.sleep(module.LOOK_S)

    monkeypatch.setattr(folders, "read_earlier", slow)
    for k in range(5):
        (tmp_path / f"more-{k}").mkdir()
        (tmp_path / f"more-{k}" / "summary.json").write_text("{}")
    assert "no run of this space" in expected(asked(), tmp_path)
    assert len(read) == 1
