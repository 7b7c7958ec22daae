"""A study with a toy trainable, and the command run as a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from perch.run.events import read
from perch.run.folder import RunFolder

STUDY = """
name: toy
trainable: toy_trainable:Toy
space: {x: {float: [0, 1]}}
metric: loss
epochs: 9
budget: {trials: 12}
confirm: {top: 2, seeds: 1}
log: []
"""


@pytest.fixture
def study(tmp_path):
    """A study file beside its trainable, in a folder whose name is hard on careless code."""
    folder = tmp_path / 'it\'s a "stüdy"'
    folder.mkdir()
    source = Path(__file__).parent / "study" / "toy_trainable.py"
    (folder / "toy_trainable.py").write_text(source.read_text())
    path = folder / "study.yaml"
    path.write_text(STUDY)
    return path


class Command:
    """``perch ARGS`` as a process, with all of its Ray to be killed if need be."""

    def __init__(self, *args, env=None):
        self.log = subprocess.PIPE
        self.process = subprocess.Popen(
            [sys.executable, "-m", "perch.cli.main", *map(str, args)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **(env or {})},
            start_new_session=True,
        )  # fmt: skip

    def wait(self, timeout_s=240):
        """Its exit code and what it printed."""
        out, _ = self.process.communicate(timeout=timeout_s)
        return self.process.returncode, out

    def until(self, folder, condition, timeout_s=180):
        """Wait until the run's log satisfies a condition."""
        events = RunFolder(folder).events
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if events.is_dir() and condition(list(read(events))):
                return
            if self.process.poll() is not None:
                raise AssertionError(f"the command ended early:\n{self.process.stdout.read()}")
            time.sleep(0.02)
        raise AssertionError("the log never got there")

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self, *, everything=True):
        """``kill -9`` of the command, and of all that it started."""
        root = psutil.Process(self.process.pid)
        root.suspend()
        children = root.children(recursive=True)
        root.kill()
        if everything:
            for child in children:
                try:
                    child.kill()
                except psutil.NoSuchProcess:
                    continue
            psutil.wait_procs(children, timeout=20)
        self.process.wait()
        self.process.stdout.close()

    def children(self, name):
        """Processes below the command whose command line holds ``name``."""
        found = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if any(name in word for word in child.cmdline()):
                    found.append(child)
            except psutil.NoSuchProcess:
                continue
        return found


@pytest.fixture
def perch():
    """Start commands; whatever of them is left at the end is killed."""
    started = []

    def start(*args, env=None):
        command = Command(*args, env=env)
        started.append(command)
        return command

    yield start
    for command in started:
        if command.process.poll() is None:
            command.kill()


def results(events):
    return [e for e in events if e["e"] == "result"]


def summary(folder):
    return json.loads((folder / "summary.json").read_text())


__all__ = ["Command", "results", "signal", "summary"]
