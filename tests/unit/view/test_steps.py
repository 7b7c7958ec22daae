"""From the first second a line says what is being done; the first comes before anything heavy is imported."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

from perch.view.steps import Silent, Steps


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_step_is_named_when_it_begins_and_has_its_seconds_when_it_ends() -> None:
    stream, clock = io.StringIO(), Clock()
    steps = Steps(stream, clock)
    with steps.step("starting Ray"):
        assert stream.getvalue() == "  starting Ray …"
        clock.now_s = 4.25
    assert stream.getvalue() == "  starting Ray … 4.2 s\n"


def test_progress_names_its_own_steps_and_counts() -> None:
    stream, clock = io.StringIO(), Clock()
    steps = Steps(stream, clock)
    with steps.step("preparing the data"):
        clock.now_s = 1.0
        steps.progress("reading structures", 0, 0)
        steps.progress("reading structures", 100, 0)
        clock.now_s = 3.0
        steps.progress("building graphs", 600, 1200)
        steps.progress("building graphs", 1200, 1200)
        clock.now_s = 3.5
    assert stream.getvalue().splitlines() == [
        "  preparing the data … 1.0 s", "  reading structures … 100, 2.0 s", "  building graphs … 1,200 of 1,200, 0.5 s",
    ]  # fmt: skip


def test_on_a_terminal_the_count_moves() -> None:
    stream, clock = Terminal(), Clock()
    steps = Steps(stream, clock)
    for done in range(1, 5):
        clock.now_s += 0.2
        steps.progress("building graphs", done, 4)
    steps.end()
    assert [part.strip() for part in stream.getvalue().split("\r")][1:] == [
        *(f"building graphs … {n} of 4" for n in range(1, 5)), "building graphs … 4 of 4, 0.6 s",
    ]  # fmt: skip


def test_what_is_said_in_between_has_a_line_of_its_own() -> None:
    stream = io.StringIO()
    steps = Steps(stream, Clock())
    with steps.step("preparing the data"):
        steps.say("warning: odd")
    assert stream.getvalue().splitlines() == ["  preparing the data …", "warning: odd", "  preparing the data … 0.0 s"]


def test_an_error_ends_the_line() -> None:
    stream = io.StringIO()
    with pytest.raises(ValueError, match="bad"), Steps(stream, Clock()).step("checking"):
        raise ValueError("bad")
    assert stream.getvalue() == "  checking …\n"


def test_a_stream_that_breaks_is_left_alone_and_silence_is_silent() -> None:
    stream = io.StringIO()
    stream.close()
    with Steps(stream).step("checking"):
        pass
    quiet = io.StringIO()
    with Silent(quiet).step("checking"):
        pass
    assert quiet.getvalue() == ""


FIRST = """
import json, resource, sys, time
class First:
    encoding = "utf-8"
    def write(self, text):
        heavy = {"numpy", "rich", "yaml", "ase", "torch", "ray", "pandas"} & sys.modules.keys()
        used = resource.getrusage(resource.RUSAGE_SELF)
        sys.__stdout__.write(json.dumps([text, sorted(heavy), used.ru_utime + used.ru_stime]))
        sys.__stdout__.flush()
        import os; os._exit(0)
    def flush(self): pass
    def isatty(self): return False
from perch.cli.main import main
sys.argv = ["perch", "run", "study.yaml"]
import perch.cli.main as m
m.readable_anywhere = lambda: setattr(sys, "stderr", First())
main()
"""


def test_the_first_line_of_a_run_comes_before_anything_heavy() -> None:
    """Wall time hangs on the load of the machine; processor time, from the interpreter's start on, does not."""
    import json

    done = subprocess.run([sys.executable, "-c", FIRST], capture_output=True, text=True, check=False)
    text, heavy, used_s = json.loads(done.stdout)
    assert text.startswith("perch run: study.yaml")
    assert heavy == []
    assert used_s < 0.5
