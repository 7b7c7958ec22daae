"""A program as a trial: epochs as they come, checkpoints that count, resumes that prove themselves, ends that mean something."""

import json
import os
import sys
import time

import psutil
import pytest
from tests.patience import LIMIT_S, eventually

from perch.errors import Diverged, TrialError
from perch.limit import publish
from perch.programs.process.child import Child, Exit, environment
from perch.programs.process.outcome import EndedFromOutside, ended
from perch.training.failure import Fault, classify

from .conftest import FORMATS, losses, take


def pid_of(child: Child) -> int:
    """The program's process id: its guard writes it down, which may be after the program's first line."""
    return eventually(lambda: child.pid, "the program's process id did not come")


@pytest.mark.parametrize("metrics", FORMATS)
@pytest.mark.parametrize("first", [0, 1])
def test_epochs_come_one_by_one_and_count_from_one(program, metrics, first):
    training = program.training(habits={"metrics": metrics, "first": first}, epochs=5)
    assert take(training, 5) == pytest.approx(losses(5), rel=1e-12)
    assert training.epoch == 5


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others(program):
    one = take(program.training(trial="a"), 3)
    assert take(program.training(trial="b"), 3) == one
    assert take(program.training(trial="c", seed=8), 3) != one


@pytest.mark.parametrize("numbered", [True, False])
@pytest.mark.parametrize("habits", [
    {"resume": "folder"}, {"resume": "folder", "repeat": True}, {"resume": "key"}, {"resume": "folder", "metrics": "version", "first": 1},
    {"resume": "folder", "delete_first": True, "checkpoint_s": 0.05}, {"resume": "folder", "line_first": False},
])  # fmt: skip
def test_three_epochs_stop_and_resume_is_as_if_nothing_had_been(program, tmp_path, habits, numbered):
    if not numbered and habits.get("resume") == "folder":
        habits = {**habits, "one_file": False}
    first = program.training(habits=habits, numbered=numbered)
    begun = take(first, 3)
    first.save(tmp_path / "saved")
    first.close()
    second = program.training(habits=habits, numbered=numbered)
    second.load(tmp_path / "saved")
    assert second.epoch == 3
    assert begun + take(second, 6) == pytest.approx(losses(9), rel=1e-12)
    assert second.started_over == 0


@pytest.mark.parametrize("epoch_s", [0.01, 0.15])
def test_a_program_that_writes_one_checkpoint_over_and_over_goes_on_as_if_nothing_had_been(program, tmp_path, epoch_s):
    """Lightning's habit: last.ckpt, handed over by its path. By the time it is copied it may stand for a later epoch."""
    habits = {"resume": "key", "one_file": True, "metrics": "version", "epoch_s": epoch_s}
    first = program.training(habits=habits, numbered=False)
    begun = take(first, 3)
    first.save(tmp_path / "saved")
    first.close()
    second = program.training(habits=habits, numbered=False)
    second.load(tmp_path / "saved")
    assert begun + take(second, 6) == pytest.approx(losses(9), rel=1e-12)
    assert second.started_over == 0


@pytest.mark.parametrize("epoch_s", [0.01, 0.4])
def test_a_checkpoint_of_no_known_format_that_every_epoch_writes_over_is_found(program, tmp_path, epoch_s):
    """Epochs of 0.4 s never leave it alone for a second; those of 0.01 s have mostly all been trained when it is looked for."""
    habits = {"resume": "key", "one_file": True, "epoch_s": epoch_s}
    said = {"habits": habits, "checkpoint": {"files": "checkpoints/*.pt", "valid": "any"}}
    first = program.training(**said)
    begun = take(first, 3)
    first.save(tmp_path / "saved")
    first.close()
    second = program.training(**said)
    second.load(tmp_path / "saved")
    assert begun + take(second, 6) == pytest.approx(losses(9), rel=1e-12)
    assert second.started_over == 0


def test_a_donors_checkpoint_that_is_ahead_brings_the_donors_epochs_along(program, tmp_path):
    """A checkpoint without a number may stand for a later epoch than the one that was judged."""
    habits = {"resume": "key", "one_file": True, "epoch_s": 0.05}
    donor = program.training(habits=habits, numbered=False)
    take(donor, 3)
    while (donor.folder / "results.txt").read_text().count("eval") < 6:
        time.sleep(0.01)  # it goes on while the campaign judges
    donor.save(tmp_path / "saved")
    donor.close()
    copy = program.training(trial="00001", habits=habits, numbered=False, config={"lr": 0.9})
    copy.load(tmp_path / "saved")
    assert copy.epoch == 3
    [fourth] = take(copy, 1)
    assert fourth == pytest.approx(losses(4)[-1], rel=1e-12), "the donor's, under the donor's rate"
    rest = take(copy, 5)
    assert copy.epoch == 9 and rest[-1] > losses(9)[-1], "the last ones under its own, which is worse"
    assert "epoch 4 is the donor's" in (copy.order.home / "notes.txt").read_text()


def test_a_line_before_its_checkpoint_is_waited_for(program, tmp_path):
    training = program.training(habits={"checkpoint_s": 0.6, "epoch_s": 0.2, "delete_first": True})
    take(training, 1)
    assert (
        not list((training.folder / "checkpoints").glob("*.pt")) if (training.folder / "checkpoints").exists() else True
    )
    training.save(tmp_path / "saved")
    assert (tmp_path / "saved" / "files" / "checkpoints" / "epoch-0.pt").exists()


def test_a_truncated_checkpoint_is_trained_again_from_the_start_and_said(program, tmp_path):
    first = program.training()
    begun = take(first, 3)
    first.save(tmp_path / "saved")
    first.close()
    saved = next((tmp_path / "saved" / "files" / "checkpoints").glob("*.pt"))
    saved.write_bytes(saved.read_bytes()[:200])
    second = program.training()
    second.load(tmp_path / "saved")
    assert begun + take(second, 6) == pytest.approx(losses(9), rel=1e-12)
    assert second.started_over == 1
    assert "not whole" in second.notes[0] and "from the start" in second.notes[0]


def test_a_program_that_swallows_its_checkpoint_is_found_out_by_its_first_epoch(program, tmp_path):
    first = program.training()
    begun = take(first, 4)
    first.save(tmp_path / "saved")
    first.close()
    second = program.training(
        resume={"overwrite": {"seed": "{seed}"}}
    )  # it never looks into restored/: it starts afresh
    second.load(tmp_path / "saved")
    assert begun + take(second, 5) == pytest.approx(losses(9), rel=1e-12)
    assert second.started_over == 1
    assert "first epoch was 1" in second.notes[0]


def test_what_a_killed_placement_left_is_gone_on_with(program):
    first = program.training(habits={"epoch_s": 0.1})
    begun = take(first, 5)
    psutil.Process(pid_of(first.child)).kill()
    first.child._guard.wait(20)
    first.child = None  # as after a kill of the worker: nobody tidies up
    second = program.training(habits={"epoch_s": 0.1})
    again, trained = [], []
    for _ in range(9):
        again += take(second, 1)
        trained.append(not second.read_again)
    assert again == pytest.approx(losses(9), rel=1e-12)
    assert trained == sorted(trained) and sum(trained) in (4, 5), "what was left counts as trained once"
    assert begun == pytest.approx(losses(5), rel=1e-12)
    assert second.source.covers >= 4 and second.started_over == 0


def test_nothing_of_a_program_outlives_its_worker(program):
    """The pipe to the guard closes when the worker is killed; here its end is closed."""
    training = program.training(habits={"epoch_s": 30, "term": "ignore"}, grace=0.5)
    training._start()
    process = psutil.Process(pid_of(training.child))
    training.child._guard.stdin.close()
    process.wait(timeout=LIMIT_S)
    training.child = None


def test_a_child_that_ignores_term_is_killed_after_the_grace(program):
    training = program.training(habits={"term": "ignore", "epoch_s": 0.05}, grace=0.4)
    take(training, 1)
    pid = pid_of(training.child)
    training.close()
    assert not psutil.pid_exists(pid)


def test_an_inherited_ignored_interrupt_is_not_handed_on(program, tmp_path):
    script = "import signal, sys; print('epoch 0 loss', 1.0 if signal.getsignal(signal.SIGINT) is signal.default_int_handler else 2.0)"
    import signal

    old = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        training = program.training(
            command=[os.sys.executable, "-c", script],
            template=None,
            overwrite={},
            metrics=FORMATS["print"],
            epochs=1,
            config={},
        )
        assert take(training, 1) == [1.0]
    finally:
        signal.signal(signal.SIGINT, old)


# --- what an end means ----------------------------------------------------------------------------------------------


def test_nan_with_exit_0_is_a_divergence(program):
    training = program.training(habits={"nan_at": 3})
    take(training, 2)
    with pytest.raises(Diverged, match="loss is nan in epoch 3"):
        training.next_epoch()


def test_a_finite_value_beyond_the_bound_is_a_divergence(program):
    training = program.training(habits={"huge_at": 2})
    take(training, 1)
    with pytest.raises(Diverged, match="beyond"):
        training.next_epoch()


def test_an_end_at_the_last_epoch_is_good_and_one_before_it_with_exit_0_is_an_early_end(program):
    training = program.training(habits={"leave_at": 4})
    take(training, 3)
    assert training.next_epoch() is None


def test_a_failure_shows_the_exit_code_and_the_last_lines(program):
    training = program.training(habits={"fail_at": 3})
    take(training, 2)
    with pytest.raises(TrialError, match=r"after epoch 2 of 9: exit code 1(.|\n)*its output:(.|\n)*device-side assert"):
        training.next_epoch()


@pytest.mark.parametrize(("says", "failure", "whose"), [
    ("CUDA out of memory. Tried to allocate 2 GiB", "out_of_memory", "trial"),
    ("CUDA error: uncorrectable ECC error encountered", "gpu", "machine"),
    ("[Errno 28] No space left on device", "storage", "machine"),
    ("shapes do not match", "code", "trial"),
])  # fmt: skip
def test_what_a_program_printed_last_says_whose_fault_its_end_was(program, says, failure, whose):
    training = program.training(habits={"fail_at": 2, "says": says})
    take(training, 1)
    with pytest.raises(TrialError) as raised:
        training.next_epoch()
    assert classify(raised.value) == Fault(failure, whose)


def test_a_program_that_somebody_else_ends_has_not_failed_by_itself(program):
    training = program.training(habits={"epoch_s": 0.3})
    take(training, 1)
    psutil.Process(pid_of(training.child)).terminate()
    with pytest.raises(EndedFromOutside, match="SIGTERM") as raised:
        take(training, 8)
    assert classify(raised.value) == Fault("lost", "machine")


# --- bad input that shows only when the program runs -----------------------------------------------------------------


def test_a_program_that_ends_at_once(program):
    training = program.training(
        command=[os.sys.executable, "-c", "print('no licence')"], template=None, overwrite={}, config={}
    )
    with pytest.raises(
        TrialError, match=r"without reporting an epoch: exit code 0; 'results.txt' matches no file(.|\n)*no licence"
    ):
        training.next_epoch()


def test_no_metrics_within_the_allowance(program):
    training = program.training(
        habits={"epoch_s": 0.5}, metrics={**FORMATS["jsonl"], "files": "elsewhere/*.txt"}, startup=1
    )
    with pytest.raises(
        TrialError, match=r"no epoch was reported within 1 s(.|\n)*'elsewhere/\*.txt' matches no file(.|\n)*config.json"
    ):
        training.next_epoch()


def test_a_metric_that_never_comes_and_what_did(program):
    training = program.training(keys={"loss": "rmse_f"})
    with pytest.raises(TrialError, match=r"key 'rmse_f'(.|\n)*holds: loss, mev"):
        training.next_epoch()


def test_epochs_that_go_backwards(program):
    training = program.training(habits={"backwards_at": 5, "epoch_s": 0.05})
    with pytest.raises(TrialError, match="epochs go backwards: 2 after 3"):
        take(training, 9)


def test_epochs_that_are_left_out(program):
    training = program.training(
        habits={"every": 2, "first": 1, "epoch_s": 0.05}, metrics={**FORMATS["jsonl"], "first_epoch": 1}
    )
    with pytest.raises(TrialError, match="epoch 1 was not reported"):
        take(training, 9)


def test_a_program_that_forks_itself_away(program):
    training = program.training(habits={"fork": True, "epoch_s": 60})
    with pytest.raises(TrialError, match=r"left processes running: python(.|\n)*in the foreground"):
        training.next_epoch()
    assert not [
        p for p in psutil.process_iter(["cmdline"]) if str(training.folder) in " ".join(p.info["cmdline"] or [])
    ]


def test_a_checkpoint_pattern_that_matches_nothing(program, tmp_path, monkeypatch):
    monkeypatch.setattr("perch.programs.training.CHECKPOINT_WAIT_S", 0.3)
    training = program.training(checkpoint={"files": "models/*.ckpt"})
    take(training, 2)
    with pytest.raises(TrialError, match=r"'models/\*.ckpt' matches no file(.|\n)*\.pt"):
        training.save(tmp_path / "saved")


def test_the_best_epoch_is_kept_with_configuration_and_log(program):
    training = program.training(keep_below=10.0, epochs=4)
    take(training, 4)
    training.close()
    best = training.order.home / "best"
    assert {p.name for p in best.iterdir()} == {"about.json", "config.json", "output.log", "epoch-3.pt"}


def test_a_trial_that_does_not_lead_any_more_keeps_nothing(program, tmp_path):
    publish(tmp_path / "weights", 0.0)
    for weights, kept in ((str(tmp_path / "weights"), False), ("", True)):
        training = program.training(keep_below=10.0, epochs=2, weights=weights)
        take(training, 2)
        training.close()
        assert (training.order.home / "best").exists() == kept


def test_the_fifth_best_itself_is_still_among_the_best(program, tmp_path):
    publish(tmp_path / "weights", losses(2)[-1])
    training = program.training(keep_below=10.0, epochs=2, weights=str(tmp_path / "weights"))
    take(training, 2)
    training.close()
    assert json.loads((training.order.home / "best" / "about.json").read_text())["epoch"] == 2


def test_on_a_slow_file_system_the_best_epoch_alone_is_copied(program, tmp_path):
    """Its numbered checkpoint is not deleted before, however many are saved after it. The loss falls, and more is better here."""
    training = program.training(keep_below=10.0, epochs=6, weights=str(tmp_path / "weights"), mode="max")
    training.keeper._pace.wrote(0.0, 1e12)
    for number in range(6):
        take(training, 1)
        training.save(tmp_path / f"saved-{number}")
    assert not (training.order.home / "best").exists()
    training.close()
    assert (training.order.home / "best" / "epoch-0.pt").exists()


def test_where_more_is_better_the_highest_is_kept(program):
    training = program.training(epochs=4, mode="max", keep_below=0.0)
    found = take(training, 4)
    training.close()
    about = json.loads((training.order.home / "best" / "about.json").read_text())
    assert (about["epoch"], about["value"]) == (1, found[0]), "the loss falls: its first value is the highest"
    assert program.training(epochs=4, mode="max", keep_below=0.0).keeper.best == -found[0]


def test_units_are_converted(program):
    training = program.training(keys={"loss": {"key": "mev", "factor": 0.001}})
    assert take(training, 2) == pytest.approx(losses(2), rel=1e-12)


def test_a_failure_names_in_its_first_line_how_the_program_ended_and_what_it_printed_last(tmp_path):
    log = tmp_path / "output.log"
    log.write_text("reading\nno such basis set\n")
    exits = {2: "exit code 2", -11: "killed by SIGSEGV", -40: "killed by SIG40"}
    for code, words in exits.items():
        problem = ended(Exit(code), epoch=1, target=3, words="train", log=log, logs={}, rows="")
        assert (
            problem.what.splitlines()[0]
            == f"'train' ended after epoch 1 of 3: {words}; it printed last: no such basis set"
        )


DEAF = """import signal, subprocess, sys, time
deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
signal.signal(signal.SIGTERM, signal.SIG_IGN)
left = subprocess.Popen([sys.executable, "-c", deaf], start_new_session=True, stdout=subprocess.PIPE)
left.stdout.readline()
print(left.pid, flush=True)
time.sleep(600)
"""


def test_nothing_is_left_when_a_worker_ends_and_its_direct_children_are_killed(tmp_path):
    """So Ray ends a worker. What the program started in a session of its own, and ignores TERM, goes too."""
    log = tmp_path / "output.log"
    child = Child([sys.executable, "-c", DEAF], tmp_path, log, environment({}), 0.2)
    end = time.monotonic() + LIMIT_S
    while not log.read_text().strip() and time.monotonic() < end:
        time.sleep(0.02)
    started = [psutil.Process(pid) for pid in (pid_of(child), int(log.read_text()))]
    try:
        child._guard.kill()
        child._guard.stdin.close()
        gone, alive = psutil.wait_procs(started, timeout=LIMIT_S)
        assert (len(gone), alive) == (2, [])
    finally:
        for process in started:
            if process.is_running():
                process.kill()
        child._guard.wait()
