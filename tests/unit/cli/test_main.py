"""What holds for every command: help, exit codes, and errors of three lines."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from typing import Any

import click
import pytest
import typer.main

from perch import doctor
from perch.cli.main import COMMANDS
from perch.cli.main import perch as group
from perch.errors import ClusterError, PerchError, StudyError
from perch.runs import runner


def every_command() -> list[tuple[str, ...]]:
    """Names of all commands and of the commands below them."""
    found: list[tuple[str, ...]] = []
    for name in COMMANDS:
        command = group.get_command(click.Context(group), name)
        below = getattr(command, "commands", {})
        found += [(name,), *((name, sub) for sub in below)]
    return found


def flat(page: str) -> str:
    """A page without its line breaks."""
    return " ".join(page.split())


@pytest.mark.parametrize("command", every_command(), ids=" ".join)
def test_every_command_says_what_it_does_and_documents_every_option(
    command: tuple[str, ...], perch: Callable[..., Any]
) -> None:
    said = perch(*command, "--help")
    assert said.code == 0 and re.search(rf"Usage: \S.*{' '.join(command)} ", flat(said.out))
    found: Any = group.get_command(click.Context(group), command[0])
    for name in command[1:]:
        found = found.commands[name]
    assert found.help
    undocumented = [p.name for p in found.params if not getattr(p, "help", None)]
    assert undocumented == []


def test_the_help_page_lists_every_command_and_the_exit_codes(perch: Callable[..., Any]) -> None:
    said = perch("--help")
    assert said.code == 0
    assert all(f" {name} {text}" in flat(said.out) for name, text in COMMANDS.items())
    assert "0 done, 1 the run failed, 2 bad input (nothing was started), 75 interrupted" in flat(said.out)


def test_the_version_is_the_distributions(perch: Callable[..., Any]) -> None:
    from importlib.metadata import version

    assert perch("--version") == (0, f"perch {version('perch-hpo')}\n", "")


def test_a_command_that_is_none_is_answered_with_the_known_ones(perch: Callable[..., Any]) -> None:
    code, _, err = perch("runn", "study.yaml")
    assert code == 2 and "no command is called 'runn'" in err and "did you mean 'run'?" in err and "perch --help" in err


@pytest.mark.parametrize(
    "words",
    [
        ["run", "--trials", "many"], ["run", "--strateggy", "rs"], ["why", "RUN"], ["predict"], ["report"],
        ["board", "RUN", "--port", "70000"], ["board", "RUN", "--top", "0"], ["predict", "RUN", "x.xyz", "--top", "6"],
        ["compare", "--target", "low"], ["data", "inspect"], ["slurm", "launch", "--", "perch", "run"], ["k8s", "status"],
        ["k8s", "submit", "--workers", "0"], ["wandb", "sync"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_a_command_does_not_understand_is_bad_input(words: list[str], perch: Callable[..., Any]) -> None:
    code, _, err = perch(*words)
    assert code == 2 and err and "Traceback" not in err


def test_an_error_is_what_why_and_fix_with_its_code(perch: Callable[..., Any], replaced: Callable[..., Any]) -> None:
    replaced(runner, "run_study", StudyError("the study is bad", why="it says so", fix="write another"))
    code, out, err = perch("run")
    assert (code, out) == (2, "")
    assert err.endswith("perch: the study is bad\n  why: it says so\n  fix: write another\n")
    replaced(runner, "run_study", ClusterError("no cluster"))
    code, _, err = perch("run")
    assert code == ClusterError("").exit_code and err.endswith("\nperch: no cluster\n")


def test_with_debug_the_traceback_is_shown(
    perch: Callable[..., Any], replaced: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ))
    replaced(runner, "run_study", PerchError("oh"))
    code, _, err = perch("--debug", "run")
    assert code != 0 and "Traceback" in err and "PerchError: oh" in err


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (click.Abort(), 130), (typer.Exit(3), 3)])
def test_what_ends_a_command_early_has_its_code(
    error: BaseException, code: int, perch: Callable[..., Any], replaced: Callable[..., Any]
) -> None:
    replaced(runner, "run_study", error)
    assert perch("run")[0] == code


def test_an_error_that_nobody_foresaw_is_not_hidden(
    replaced: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    from perch.cli.main import main

    replaced(runner, "run_study", ZeroDivisionError("a fault of Perch"))
    monkeypatch.setattr(sys, "argv", ["perch", "run"])
    with pytest.raises(ZeroDivisionError, match="a fault of Perch"):
        main()


@pytest.mark.parametrize(("states", "code"), [(["ok", "note"], 0), (["ok", "problem", "note"], 1)])
def test_the_doctor_fails_where_there_is_a_problem_and_not_for_a_note(
    states: list[Any], code: int, perch: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = [doctor.Finding(f"thing {n}", state, "found this", "do that") for n, state in enumerate(states)]
    monkeypatch.setattr(doctor, "examine", lambda: iter(findings))
    said = perch("doctor")
    assert said.code == code
    for n, finding in enumerate(findings):
        assert f"thing {n}" in said.out and finding.found in said.out
    assert ("do that" in said.out) == (set(states) != {"ok"})
    printed = perch("doctor", "--json")
    assert printed.code == code and [f["state"] for f in json.loads(printed.out)] == states
