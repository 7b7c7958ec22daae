from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from perch.formatting import duration
from perch.view.live import Best, Rung, Snapshot, View, line, table
from perch.view.steps import Steps

SNAPSHOT = Snapshot(
    run_id="adsorption-asha-1",
    strategy="asha",
    metric="validation_mae_ev",
    elapsed_s=185.0,
    trials={"running": 2, "stopped": 31, "completed": 3, "diverged": 1},
    best=Best("00012", 0.1234, 27, {"lr": 0.00523}, 0.14),
    rungs=(Rung(1, 37, 12), Rung(3, 12, 4)),
    budget_s=600.0,
    budget_trials=60,
    trials_per_minute=11.5,
    workers_busy=2,
    workers=2,
    baselines={"ridge_composition": 0.55},
)


def drawn(snapshot: Snapshot, width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(table(snapshot))
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_the_table_shows_best_states_rungs_pace_and_time_left() -> None:
    text = drawn(SNAPSHOT)
    for part in (
        "validation_mae_ev 0.1234, test MAE 0.14 eV",
        "trial 00012, epoch 27",
        "lr=0.00523",
        "2 running, 3 completed, 31 stopped, 1 diverged of 60",
        "12 of 37 trials went on after epoch 1, 4 of 12 after 3",
        "11.5 trials/min, 2 of 2 workers busy",
        "3 min 05 s used, 2 min 10 s left",
        "ridge composition 0.55 eV",
    ):
        assert part in text


def test_the_line_says_the_same_in_one_line() -> None:
    text = line(SNAPSHOT)
    assert "\n" not in text
    assert "best validation_mae_ev 0.1234 (trial 00012, epoch 27)" in text
    assert "2 min 10 s left" in text


def test_time_left_is_that_of_the_budget_that_ends_first() -> None:
    assert SNAPSHOT.ended == 35
    assert SNAPSHOT.time_left_s == pytest.approx(25 / 11.5 * 60)
    assert replace(SNAPSHOT, budget_trials=1000).time_left_s == 415.0
    assert replace(SNAPSHOT, budget_s=None, trials_per_minute=None).time_left_s is None
    assert replace(SNAPSHOT, elapsed_s=700.0).time_left_s == 0.0


def test_a_run_that_has_just_begun_can_be_shown() -> None:
    fresh = Snapshot("r", "rs", "loss", 0.0, {})
    assert "no result yet" in drawn(fresh)
    assert line(fresh) == "0 s · no trial yet"


@pytest.mark.parametrize(("seconds", "shown"), [(7.6, "8 s"), (185, "3 min 05 s"), (7800, "2 h 10 min"), (None, "–")])
def test_durations_read_as_people_say_them(seconds: float | None, shown: str) -> None:
    assert duration(seconds) == shown


def test_piped_output_is_plain_lines_now_and_then_and_a_new_best_soon() -> None:
    clock, stream = [0.0], io.StringIO()
    with View(stream, every_s=15.0, clock=lambda: clock[0]) as view:
        for second in range(0, 31, 5):
            clock[0] = float(second)
            best = SNAPSHOT.best if second < 20 else Best("00040", 0.1, 3)
            view.show(replace(SNAPSHOT, elapsed_s=float(second), best=best))
    shown = stream.getvalue().splitlines()
    assert "\x1b" not in stream.getvalue()
    assert [text.split(" · ")[0] for text in shown] == ["0 s", "15 s", "20 s", "30 s"]


def test_a_best_that_is_new_at_every_epoch_does_not_flood_the_log() -> None:
    clock, stream = [0.0], io.StringIO()
    with View(stream, clock=lambda: clock[0]) as view:
        for second in range(60):
            clock[0] = float(second)
            view.show(replace(SNAPSHOT, best=Best("00001", 1.0 / (second + 1), second + 1)))
    assert len(stream.getvalue().splitlines()) <= 13


def test_one_trial_that_has_ended_says_nothing_of_the_time_left() -> None:
    begun = replace(SNAPSHOT, trials={"running": 2, "stopped": 1}, budget_s=None, trials_per_minute=0.3)
    assert begun.time_left_s is None


def test_what_is_shown_last_is_the_last_snapshot() -> None:
    stream = io.StringIO()
    with View(stream, every_s=1000.0, clock=lambda: 0.0) as view:
        view.show(SNAPSHOT)
        view.show(replace(SNAPSHOT, elapsed_s=300.0))
    assert stream.getvalue().splitlines()[-1].startswith("5 min 00 s")


class Gone(io.StringIO):
    """A stream whose reader has gone, whose disk is full, or that cannot say what is written."""

    def __init__(self, error: Exception, after: int) -> None:
        super().__init__()
        self.error, self.left, self.tries = error, after, 0

    def write(self, text: str) -> int:
        self.left -= 1
        if self.left < 0:
            self.tries += 1
            raise self.error
        return super().write(text)


@pytest.mark.parametrize(
    "error",
    [
        BrokenPipeError(),
        OSError(28, "No space left on device"),
        UnicodeEncodeError("ascii", "·", 0, 1, "ordinal not in range"),
        ValueError("I/O operation on closed file"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("terminal", [False, True])
def test_an_output_that_breaks_is_left_alone_and_ends_nothing(
    error: Exception, terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm")
    stream = Gone(error, after=1)
    with View(stream, every_s=0.0) as view:
        for second in range(4):
            view.say("a note")
            view.show(replace(SNAPSHOT, elapsed_s=float(second)))
    assert stream.tries >= 1
    assert stream.tries <= 3, "what has failed once is not tried at every event"


RUNNING = replace(
    SNAPSHOT, folder="results/r", running=(("00040", 3), ("00041", 0)), failed=("00007", "OutOfMemoryError: CUDA out of memory")
)  # fmt: skip


def test_the_table_says_where_the_run_lies_how_to_leave_who_trains_and_what_failed() -> None:
    text = drawn(RUNNING)
    for part in (
        "results/r   (report.html there at the end)",
        "Ctrl-C saves and ends; the same command with --resume goes on",
        "00040 (epoch 3), 00041 (epoch 0)",
        "trial 00007 failed: OutOfMemoryError: CUDA out of memory (perch why results/r 00007)",
    ):
        assert part in text


def test_many_running_trials_are_counted() -> None:
    assert "and 992 more" in drawn(replace(RUNNING, running=tuple((f"{k:05}", 1) for k in range(1000))), 400)


def test_the_searchs_counts_stay_while_the_best_are_confirmed() -> None:
    confirming = replace(
        SNAPSHOT, phase="confirm", confirming={"running": 2, "completed": 4}, confirm_trials=15, trials_per_minute=None
    )
    text = drawn(confirming)
    assert "3 completed, 31 stopped, 1 diverged of 60" in text
    assert "4 of 15 trainings with fresh seeds are over" in text
    assert "confirming: 4 of 15 trained" in line(confirming)
    assert replace(confirming, budget_s=None).time_left_s is None, "trainings, not seconds, end it"
    in_seconds = replace(confirming, confirm_trials=None)
    assert line(in_seconds).endswith("at most 6 min 55 s left") and "used, at most 6 min 55 s left" in drawn(in_seconds)
    assert "confirming: 4 trained" in line(in_seconds) and "4 trainings with fresh seeds are over" in drawn(in_seconds)


def test_a_failed_trial_is_one_plain_line_once() -> None:
    stream = io.StringIO()
    with View(stream, every_s=1000.0, clock=lambda: 0.0) as view:
        for _ in range(3):
            view.show(RUNNING)
    lines = [text for text in stream.getvalue().splitlines() if "failed:" in text]
    assert lines == ["trial 00007 failed: OutOfMemoryError: CUDA out of memory (perch why results/r 00007)"]


def test_steps_stand_above_the_table_and_below_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    stream = io.StringIO()
    with View(stream, every_s=0.0, steps=Steps(stream)) as view:
        with view.steps.step("starting Ray"):
            view.say("note: one")
        view.show(SNAPSHOT)
        view.finish()
        with view.steps.step("writing the report"):
            pass
    text = stream.getvalue()
    order = [text.index(part) for part in ("starting Ray", "note: one", "best so far", "writing the report")]
    assert order == sorted(order)
    assert "best so far" not in text[text.index("writing the report") :]
