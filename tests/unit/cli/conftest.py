"""The command line in this process, as ``perch`` calls it: exit code, what it printed, and what it called."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from perch.cli.main import main


class Said(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def perch(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """``perch ARGS``."""
    monkeypatch.delenv("PERCH_DEBUG", raising=False)

    def call(*args: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["perch", *map(str, args)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Said(ended.value.code, said.out, said.err)

    return call


class Call(dict[str, Any]):
    """Arguments of a call by name; true once it has happened."""


@pytest.fixture
def replaced(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Call]:
    """Put a stand-in in the place of a function. It takes what the function takes, notes it by name, and returns ``answer``."""

    def replace(module: Any, name: str, answer: Any = None) -> Call:
        found, real = Call(), getattr(module, name)
        signature = inspect.signature(real)

        def stand_in(*args: Any, **keys: Any) -> Any:
            bound = signature.bind(*args, **keys)
            bound.apply_defaults()
            for name, value in bound.arguments.items():
                further = signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD
                found.update(value if further else {name: value})
            if isinstance(answer, BaseException):
                raise answer
            return answer

        monkeypatch.setattr(module, name, stand_in)
        return found

    return replace
