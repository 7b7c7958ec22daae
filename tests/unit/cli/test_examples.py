"""Every command shows examples, and every example is a command line that its command understands."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import click
import pytest

from perch.cli.examples import EXAMPLES, commands
from perch.cli.main import COMMANDS
from perch.cli.main import perch as group


def leaves(command: Any, words: str) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner:
        for name, one in inner.items():
            yield from leaves(one, f"{words} {name}")
    else:
        yield words, command


FOUND = {
    words: command for name in COMMANDS for words, command in leaves(group.get_command(click.Context(group), name), name)
}  # fmt: skip


def test_every_command_has_examples() -> None:
    assert set(FOUND) - set(EXAMPLES) == set()


@pytest.mark.parametrize("words", FOUND)
def test_an_example_is_understood(words: str) -> None:
    for typed, _ in commands(words):
        parts = [p for p in shlex.split(typed.split("|")[-1].split(">")[0]) if p != "srun"]
        assert parts[: 1 + len(words.split())] == ["perch", *words.split()], typed
        context = FOUND[words].make_context(words, parts[1 + len(words.split()) :])
        assert context.command is FOUND[words]


@pytest.mark.parametrize("words", ["run", "data inspect"])
def test_the_help_page_shows_them_and_nothing_about_completion(words: str, perch: Callable[..., Any]) -> None:
    page = perch(*words.split(), "--help").out
    assert "Examples:" in page and commands(words)[0][0] in page
    assert "completion" not in page


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_offered_at_the_top(shell: str, perch: Callable[..., Any]) -> None:
    assert "--show-completion" in perch("--help").out
    code, out, _ = perch("--show-completion", shell)
    assert code == 0 and "_PERCH_COMPLETE" in out


def test_the_shell_is_given_the_commands_that_begin_so() -> None:
    environment = {**os.environ, "_PERCH_COMPLETE": "bash_complete", "COMP_WORDS": "perch re", "COMP_CWORD": "1"}
    code = "import sys; sys.argv = ['perch']; from perch.cli.main import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.stdout.split() == ["plain,record", "plain,rehearse", "plain,report"]
