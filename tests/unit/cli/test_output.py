"""What commands print to: any encoding will do, and a reader that goes, or a full disk, ends no run."""

import os
import subprocess
import sys

import pytest
from tests.patience import LIMIT_S

SAYS = """
import sys
from perch.cli.output import readable_anywhere, unbreakable
readable_anywhere()
"""
WORKS_ON = (
    SAYS
    + """
with unbreakable():
    for n in range(20000):
        print("a line", n, "·")
        print("an error", n, file=sys.stderr)
    open(sys.argv[1], "w").write("done")
sys.exit(7)
"""
)


def python(script, *arguments, shell, **environment):
    env = {**os.environ, "SCRIPT": script, **environment}
    words = " ".join([sys.executable, "-c", '"$SCRIPT"', *map(str, arguments)])
    return subprocess.run(
        ["bash", "-c", shell.format(words)], env=env, capture_output=True, timeout=LIMIT_S, check=False
    )


@pytest.mark.parametrize(
    "shell",
    [
        "{} 2>/dev/null > >(head -n 1 > /dev/null)",
        "{} 2> >(head -n 1 > /dev/null) > /dev/null",
        "{} > /dev/full 2> /dev/full",
        "{} >&- 2>&-",
        "{} <&- >&- 2>&-",
        "{} > /dev/null 2>&1",
    ],
)
def test_work_goes_on_to_its_end_and_its_own_code_whatever_becomes_of_the_output(tmp_path, shell):
    done = python(WORKS_ON, tmp_path / "done", shell=shell)
    assert done.returncode == 7, done.stderr[-2000:]
    assert (tmp_path / "done").read_text() == "done"


def test_files_opened_later_never_take_the_place_of_a_closed_output(tmp_path):
    """Else what a library prints would land in the run's log."""
    script = (
        SAYS + "f = open(sys.argv[1], 'w'); import os; os.write(1, b'noise'); os.write(2, b'noise'); f.write('log')"
    )
    assert python(script, tmp_path / "log", shell="{} <&- >&- 2>&-").returncode == 0
    assert (tmp_path / "log").read_text() == "log"


@pytest.mark.parametrize(
    "environment", [{"PYTHONIOENCODING": "ascii"}, {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}]
)
def test_characters_that_the_output_lacks_are_replaced(environment):
    done = python(SAYS + r"print('12 s \u00b7 best 0.1 \u00c5 \u2013 \u03b7')", shell="{}", **environment)
    assert (done.returncode, done.stdout) == (0, b"12 s | best 0.1 A - ?\n"), done.stderr


def test_where_it_can_be_said_nothing_is_replaced():
    done = python(SAYS + r"print('\u00b7')", shell="{}", PYTHONIOENCODING="utf-8")
    assert done.stdout.decode() == "·\n"


@pytest.mark.parametrize("words", ["strategies", "--help", "run --help", "strategies asha"])
def test_a_command_that_only_prints_ends_quietly_when_its_reader_goes(words):
    shell = f'{sys.executable} -m perch.cli.main {words} | head -n 1; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.stdout.splitlines()[-1] == "0"
    assert done.stderr == ""


def test_a_full_disk_under_the_output_is_one_error():
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m perch.cli.main strategies > /dev/full"],
        capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "No space left on device" in done.stderr and "Traceback" not in done.stderr
