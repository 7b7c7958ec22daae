"""A study with a toy trainable, and the command run as a process of its own."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from tests.patience import LIMIT_S, eventually

from perch.log.events import read
from perch.log.folder import RunFolder

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
    """``perch ARGS`` as a process, with all of its Ray to be killed if need be. Its output goes to a file, not a pipe:
    Ray's own processes inherit it, and may outlive the command for a moment.
    """

    def __init__(self, output, *args, env=None, program=("-m", "perch.cli.main")):
        self.output = output
        with output.open("w") as file:
            self.process = subprocess.Popen(
                [sys.executable, *map(str, program), *map(str, args)],
                stdout=file, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}, start_new_session=True,
            )  # fmt: skip

    def wait(self, timeout_s=LIMIT_S):
        """Its exit code and what it printed; where it hangs, what it is doing."""
        try:
            code = self.process.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            stack = subprocess.run(
                ["py-spy", "dump", "--pid", str(self.process.pid)], capture_output=True, text=True, check=False
            )
            raise AssertionError(f"it hangs:\n{self.output.read_text()}\n{stack.stdout}{stack.stderr}") from None
        return code, self.output.read_text()

    def until(self, folder, condition, timeout_s=LIMIT_S):
        """Wait until the run's log satisfies a condition."""
        events = RunFolder(folder).events

        def reached():
            if events.is_dir() and condition(list(read(events))):
                return True
            assert self.process.poll() is None, f"the command ended early:\n{self.output.read_text()}"
            return False

        eventually(reached, "the log never got there", timeout_s)

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
            psutil.wait_procs(children, timeout=LIMIT_S)
        self.process.wait()

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
def perch(tmp_path):
    """Start commands; whatever of them is left at the end is killed."""
    started = []

    def start(*args, **how):
        command = Command(tmp_path / f"said-{len(started)}.txt", *args, **how)
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
