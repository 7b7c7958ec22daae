"""``perch run`` on a real Ray: to the end, interrupted, killed, extended."""

import os
import random
import signal

import pandas as pd
import pytest
import ray
from tests.integration.conftest import CPUS
from tests.integration.signalled import SIGNALLED
from tests.patience import eventually

from perch.log.events import read
from perch.log.folder import RunFolder
from perch.record import load
from perch.record.words import winner_line

from .conftest import results, summary


def audit(folder, trials):
    """What must hold of every run, however it got to its end."""
    events = list(read(RunFolder(folder).events))
    keys = [(e["id"], e["seg"], e["epoch"]) for e in results(events)]
    assert len(set(keys)) == len(keys), "an epoch stands twice"
    weights = {}
    configs = {e["id"]: e["config"] for e in events if e["e"] == "trial"}
    for event in results(events):
        trial, epoch = event["id"], event["epoch"]
        assert epoch == weights.get(trial, (0, 0.0))[0] + 1, "an epoch is missing"
        w = weights.get(trial, (0, 0.0))[1] + 1 / (1 + 8 * abs(configs[trial]["x"] - 0.3))
        assert event["m"]["weight"] == pytest.approx(w, abs=1e-12), "trained from a wrong checkpoint"
        weights[trial] = (epoch, w)
    used = [e["used_s"] for e in events]
    assert used == sorted(used), "consumed seconds only grow"
    run = load(folder)
    assert len(run.curves) == len(keys)
    assert (run.trials.phase == "search").sum() == trials
    assert run.summary["status"] == "done"
    return run


def test_a_run_leaves_its_whole_record(study, tmp_path, perch, perch_here):
    out = tmp_path / "out"
    code, said = perch("run", study, "--out", out, "--run-id", "r").wait()
    assert code == 0, said
    run = audit(out / "r", 12)
    assert run.best["trial_id"] in set(run.trials.trial_id)
    assert f"winner:  {winner_line(run.summary)}" in said
    assert {"failed"} == set(run.trials[run.trials.config.map(lambda c: c["x"] > 0.93)].status)
    names = {p.name for p in (out / "r").iterdir()}
    assert {"study.yaml", "events", "curves.parquet", "trials.parquet", "overheads.parquet", "summary.json"} <= names
    seconds = run.overheads.seconds.sum()
    assert seconds == pytest.approx(run.summary["worker_seconds"], rel=0.05)
    again, said = perch_here("run", study, "--out", out, "--run-id", "r")
    assert again == 0, said
    assert len(list((out / "r" / "events").iterdir())) == 1, "a finished run is not touched"
    more, said = perch_here("run", study, "--out", out, "--run-id", "r", "--trials", "15")
    assert more == 0, said
    audit(out / "r", 15)


@pytest.mark.usefixtures("hears_hangups")
@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.slow)])
def test_a_signal_saves_and_exits_75_with_the_command_that_resumes(study, tmp_path, perch, perch_here, number):
    out = tmp_path / "out"
    patient = {"PERCH_GRACE_S": "3600"}  # so that it waits for every running epoch, however busy the machine
    command = perch("run", study, "--out", out, env={"TOY_S": "0.3", **patient})
    folder = eventually(lambda: next(iter(out.glob("toy-asha-*")), None), "no run folder came")
    command.until(folder, lambda events: len(results(events)) >= 8)
    if number == signal.SIGHUP:  # a terminal that closes: the shell and the system tell all of the command's processes
        os.killpg(command.process.pid, number)
        os.killpg(command.process.pid, number)
    else:
        command.signal(number)
    code, said = command.wait()
    assert code == 75, said
    assert "perch run" in said and f"--run-id {folder.name}" in said
    saved = {(e["id"], e["epoch"]) for e in read(RunFolder(folder).events) if e["e"] == "checkpoint"}
    last = {}
    for event in results(read(RunFolder(folder).events)):
        last[event["id"]] = (event["epoch"], event["d"])
    assert {(t, epoch) for t, (epoch, d) in last.items() if d == "go"} <= saved
    code, said = perch_here("run", study, "--out", out, "--resume")
    assert code == 0, said
    audit(folder, 12)


def test_a_second_signal_leaves_at_once(study, tmp_path, perch):
    """Most of the time the main thread is in Ray's compiled code, where an exception of a signal's handler changes its face."""
    out = tmp_path / "out"
    command = perch("run", study, "--out", out, "--run-id", "r", env={"TOY_S": "3600"})
    command.until(out / "r", lambda events: any(e["e"] == "start" for e in events))
    command.signal(signal.SIGINT)
    command.signal(signal.SIGTERM)  # another number: two of the same may come as one
    code, said = command.wait()
    assert code == 75, said
    assert "Traceback" not in said
    assert "--run-id r" in said


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("perch.runs.drive", "finish_record"),
        pytest.param("perch.engine.ray_session", "_shutdown", marks=pytest.mark.slow),
        pytest.param("perch.runs.drive", "close", marks=pytest.mark.slow),
    ],
)
def test_a_second_signal_at_any_moment_of_the_end_is_as_quiet(study, tmp_path, perch, perch_here, module, name):
    out = tmp_path / "out"
    script = tmp_path / "signalled.py"
    script.write_text(SIGNALLED.format(module=module, name=name))
    env = {"TOY_S": "0.3"}  # reaches the workers of a private Ray alone
    command = perch("run", study, "--out", out, "--run-id", "r", env=env, program=[script])
    command.until(out / "r", lambda events: len(results(events)) >= 3)
    command.signal(signal.SIGINT)
    code, said = command.wait()
    assert code == 75 and "Traceback" not in said, said
    assert "--run-id r" in said
    code, said = perch_here("run", study, "--out", out, "--run-id", "r")
    assert code == 0, said
    audit(out / "r", 12)


def test_a_stop_file_asks_for_a_clean_end(study, tmp_path, perch, perch_here):
    out = tmp_path / "out"
    command = perch("run", study, "--out", out, "--run-id", "r", env={"TOY_S": "0.3"})
    command.until(out / "r", lambda events: len(results(events)) >= 3)
    (out / "r" / "stop").touch()
    code, said = command.wait()
    assert code == 75, said
    assert not (out / "r" / "stop").exists()
    code, said = perch_here("run", study, "--out", out, "--run-id", "r")
    assert code == 0, said
    audit(out / "r", 12)


def test_a_kill_storm_in_short(study, tmp_path, perch, perch_here):
    """Two kills of everything at random instants, one of a worker, one of Ray alone."""
    out, rng = tmp_path / "out", random.Random(1)
    env = {"TOY_S": "0.1"}
    for _ in range(2):
        command = perch("run", study, "--out", out, "--run-id", "r", "--trials", "20", env=env)
        had = len(results(read(RunFolder(out / "r").events))) if (out / "r").exists() else 0
        goal = had + rng.randint(1, 25)
        command.until(out / "r", lambda events, goal=goal: len(results(events)) >= goal)
        command.kill()
    command = perch("run", study, "--out", out, "--run-id", "r", "--trials", "20", env=env)
    had = len(results(read(RunFolder(out / "r").events)))
    command.until(out / "r", lambda events: len(results(events)) >= had + 3)
    for worker in command.children("ray::")[:1]:
        worker.kill()
    command.until(out / "r", lambda events: any(e["e"] == "lost" for e in events))
    for process in command.children("gcs_server"):
        process.kill()
    code, said = command.wait()
    assert code == 75, said
    assert "was killed" in said
    code, said = perch_here("run", study, "--out", out, "--run-id", "r", "--trials", "20")
    assert code == 0, said
    audit(out / "r", 20)


def test_a_second_attempt_takes_over_and_the_first_leaves(study, tmp_path, perch):
    out = tmp_path / "out"
    held = {"TOY_FROM": "3", "TOY_S": "3600"}  # it would take hours
    first = perch("run", study, "--out", out, "--run-id", "r", env=held)
    first.until(out / "r", lambda events: len(results(events)) >= 3)
    second = perch("run", study, "--out", out, "--run-id", "r", env={"TOY_S": "0.02"})
    code, said = first.wait()
    assert code == 1, said
    assert "taken this run over" in said
    code, said = second.wait()
    assert code == 0, said
    audit(out / "r", 12)


def test_a_function_trainable_and_its_own_names(study, tmp_path, perch_here):
    code, said = perch_here(
        "run", study, "--out", tmp_path / "out", "--run-id", "f", "--set", "trainable=toy_trainable:function",
        "--set", "confirm.top=0", "--trials", "4",
    )  # fmt: skip
    assert code == 0, said
    run = load(tmp_path / "out" / "f")
    assert set(run.trials.status) <= {"completed", "stopped"}
    assert "loss" in run.curves


def test_a_trainable_without_the_metric_ends_the_run_at_its_first_result(study, tmp_path, perch_here):
    code, said = perch_here(
        "run", study, "--out", tmp_path / "out", "--run-id", "s", "--set", "trainable=toy_trainable:Silent"
    )
    assert code == 1, said
    eventually(lambda: ray.available_resources().get("CPU") == CPUS, "the program's next run would find no worker free")
    assert "does not report 'loss'" in said and "accuracy" in said
    assert isinstance(load(tmp_path / "out" / "s").trials, pd.DataFrame)


def test_a_time_budget_ends_the_search_and_a_larger_one_goes_on(study, tmp_path, perch_here):
    """The budget is doubled until the search has gone on from one that had epochs: how far it gets is the machine's affair."""
    out, had = tmp_path / "out", []
    for budget_s in (4, 8, 16, 32, 64, 128, 256):
        code, said = perch_here("run", study, "--out", out, "--run-id", "t", "--time-budget", f"{budget_s}s")
        had.append(summary(out / "t")["epochs"])
        assert code == 0 or (code == 1 and had[-1] == 0 and "give a larger --time-budget" in said), said
        if had[-1] > min([epochs for epochs in had if epochs] or [had[-1]]):
            return
    raise AssertionError(f"epochs by budget: {had}")
