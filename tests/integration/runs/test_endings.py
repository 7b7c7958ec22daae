"""How runs end on a real Ray: in one that they did not make, with an output that breaks, on a disk that fills."""

import json
import os
import signal
import subprocess
import sys

import psutil
import pytest
from tests.patience import LIMIT_S

from perch.log.events import read
from perch.log.folder import RunFolder
from perch.record import load

from .conftest import Command, results, summary

ODD = """
from ray import tune

def silent(config):
    return None

class Base(tune.Trainable):
    def setup(self, config):
        self.x, self.n = config["x"], 0

    def step(self):
        self.n += 1
        return {"loss": self.x + 1 / self.n}

    def reset_config(self, config):
        self.setup(config)
        return True

class SavesNothing(Base):
    def save_checkpoint(self, folder):
        raise NotImplementedError

    def load_checkpoint(self, folder):
        raise NotImplementedError

class Broken(Base):
    def setup(self, config):
        raise FileNotFoundError("/data/train.npz")
"""
IN_ONE_RAY = """
import json, os, signal, sys, time
import ray
workers = {"env_vars": {"PYTHONPATH": os.environ["PYTHONPATH"]}}
ray.init(log_to_driver=False, logging_level="ERROR", runtime_env=workers)
from perch.campaign.campaign import Campaign
from perch.runs.runner import run_study
from perch.runs.last_lines import closing
from perch.study import parse

def study(trainable, **changes):
    spec = {"name": "odd", "trainable": trainable, "space": {"x": {"float": [0.0, 1.0]}}, "metric": "loss", "epochs": 9,
            "budget": {"trials": 4}, "confirm": {"top": 0}, "strategy": "rs", "log": [], "base": os.getcwd()}
    return parse({**spec, **changes})

def left_behind():
    # once everything is given back; workers that idle in Ray's own pool are Ray's
    end = time.monotonic() + 300
    while True:
        free = ray.available_resources().get("CPU", 0)
        groups = [g for g in ray.util.placement_group_table().values() if g["state"] != "REMOVED"]
        if (free == 2 and not groups) or time.monotonic() > end:
            return {"free": free, "groups": len(groups)}
        time.sleep(0.1)

def run(name, spec):
    handlers = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)]
    try:
        outcome = run_study(spec, out=sys.argv[1], run_id=name, quiet=True)
        said = {"ending": outcome.ending, "code": outcome.code, "lines": list(closing(outcome))}
    except Exception as error:
        said = {"raised": f"{type(error).__name__}: {error}"}
    said["handlers"] = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)] == handlers
    print(json.dumps({"name": name, **said, **left_behind()}), flush=True)

take = Campaign.result
def breaks(self, *args):
    Campaign.result = take
    raise ZeroDivisionError("an error of Perch itself")

Campaign.result = breaks
run("breaks", study("odd:Base"))
run("silent", study("odd:silent"))
run("broken", study("odd:Broken"))
run("refused", study("odd:Base", strategy="asha-promote", budget={"trials": 6}))
run("nosave", study("odd:SavesNothing", strategy="asha-promote", budget={"trials": 6}))
run("short", study("odd:Base", budget={"time": "0.01s"}))
run("good", study("odd:Base"))
assert ray.is_initialized() and ray.get(ray.remote(lambda: 1).remote()) == 1
"""


def test_runs_one_after_another_in_one_ray_each_end_as_the_table_says_and_leave_it_as_they_found_it(
    tmp_path, shared_ray
):
    (tmp_path / "odd.py").write_text(ODD)
    env = {**shared_ray, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    code, said = Command(tmp_path / "said.txt", tmp_path / "out", program=("-c", IN_ONE_RAY), env=env).wait()
    assert code == 0, said
    assert "Traceback" not in said
    ended = {line["name"]: line for line in (json.loads(row) for row in said.splitlines() if row.startswith("{"))}
    for name, line in ended.items():
        assert (line["free"], line["groups"], line["handlers"]) == (2, 0, True), name
    assert ended["breaks"]["raised"] == "ZeroDivisionError: an error of Perch itself"
    assert summary(tmp_path / "out" / "breaks")["status"] == "failed"
    assert ended["refused"]["raised"].startswith("StrategyError: strategy asha-promote needs checkpoints")
    said = {name: (line["ending"], line["code"]) for name, line in ended.items() if "ending" in line}
    assert said == {
        "silent": ("all_failed", 1), "broken": ("all_failed", 1), "nosave": ("all_failed", 1), "short": ("short", 1),
        "good": ("done", 0),
    }  # fmt: skip
    first = {name: line["lines"][0] for name, line in ended.items() if name in said}
    assert first["silent"] == "failed: all 4 trials failed; the first with: it ended without reporting 'loss'"
    assert first["broken"] == "failed: all 4 trials failed; the first with: FileNotFoundError: /data/train.npz"
    assert "failed; the first with: NotImplementedError (in save_checkpoint)" in first["nosave"]
    assert first["short"].startswith("failed: the time budget of 0 s was used up")
    for name in said.keys() - {"good"}:
        record = load(tmp_path / "out" / name)
        assert record.summary["status"] == "failed"
        assert record.summary["reason"] in first[name]
        assert len(record.trials) == record.summary["trials"]


def test_a_run_goes_on_when_nobody_reads_it_and_when_it_is_read_as_ascii(study, tmp_path, shared_ray):
    """Its reader goes after the first line, while trials run."""
    out = tmp_path / "out"
    command = [
        sys.executable,
        "-m",
        "perch.cli.main",
        "run",
        str(study),
        "--out",
        str(out),
        "--run-id",
        "r",
        "--trials",
        "4",
    ]
    env = {**os.environ, **shared_ray, "PYTHONIOENCODING": "ascii"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env) as process:
        assert process.stdout is not None and process.stderr is not None
        assert any("no trial yet" in line.decode("ascii") for line in process.stdout)
        process.stdout.close()
        process.stderr.close()
        code = process.wait(timeout=LIMIT_S)
    assert code == 0
    assert summary(out / "r")["status"] == "done"


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 60 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"mounting a small disk needs root: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_three_lines_and_the_run_goes_on_when_there_is_room(study, small_disk, perch, perch_here):
    command = perch("run", study, "--out", small_disk, "--run-id", "r", env={"TOY_S": "0.3"})
    command.until(small_disk / "r", lambda events: len(results(events)) >= 4)
    with (small_disk / "fill").open("wb", buffering=0) as fill, pytest.raises(OSError, match="No space left"):
        while True:
            fill.write(bytes(4096))
    code, said = command.wait()
    assert code == 75, said
    assert "Traceback" not in said
    first, kept, resume = said.splitlines()[-3:]
    assert first.startswith("interrupted: the disk is full")
    had = results(read(RunFolder(small_disk / "r").events))
    assert f"{len(had)} results of" in kept
    assert "make room there, then perch run" in resume and "--run-id r" in resume
    assert summary(small_disk / "r")["status"] == "interrupted"
    (small_disk / "fill").unlink()
    code, said = perch_here("run", study, "--out", small_disk, "--run-id", "r")
    assert code == 0, said
    assert results(read(RunFolder(small_disk / "r").events))[: len(had)] == had
    assert summary(small_disk / "r")["status"] == "done"


def test_a_killed_command_is_not_said_to_be_running(study, tmp_path, perch):
    """What follows the log lives on for a moment: it writes what became of the run."""
    command = perch("run", study, "--out", tmp_path / "out", "--run-id", "r", env={"TOY_S": "0.3"})
    command.until(tmp_path / "out" / "r", lambda events: len(results(events)) >= 2)
    writers = command.children("perch.runs.writer")
    rest = [child for child in psutil.Process(command.process.pid).children(recursive=True) if child not in writers]
    command.signal(signal.SIGKILL)
    command.process.wait()
    for child in rest:
        if child.is_running():
            child.kill()
    psutil.wait_procs(writers, timeout=LIMIT_S)
    found = summary(tmp_path / "out" / "r")
    assert (found["status"], found["reason"]) == ("interrupted", "it was killed")
