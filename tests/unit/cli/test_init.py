"""``perch init`` asks nobody where there is no terminal, and takes one of its two kinds of flags."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def test_without_a_terminal_it_says_which_flags_are_missing(perch: Callable[..., Any]) -> None:
    code, out, err = perch("init")
    assert (code, out) == (2, "")
    assert "perch init needs --data and --target" in err and "no terminal" in err


def test_structures_and_a_program_at_once_are_refused(perch: Callable[..., Any]) -> None:
    for words in (
        ["--preset", "mace"],
        ["--template", "a.yaml"],
        ["--preset", "mace", "--template", "a.yaml", "--data", "b.db"],
    ):
        code, _, err = perch("init", *words)
        assert code == 2 and "--preset and --template, or --data" in err
