"""The Python of a program's environment, and which version of the program is installed there."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

from perch.programs.process.child import find_program


def interpreter(program: str) -> str | None:
    """The Python that runs a program, by the first line of its script; None for anything else."""
    with contextlib.suppress(OSError, UnicodeDecodeError), Path(program).open("rb") as file:
        first = file.readline(512).decode()
        if first.startswith("#!") and "python" in first:
            return first[2:].strip().split()[0]
    return None


def missing_interpreter(program: str) -> str | None:
    """The interpreter that the first line of a program names and that is not there; None where nothing is missing."""
    with contextlib.suppress(OSError, UnicodeDecodeError), Path(program).open("rb") as file:
        words = file.readline(512).decode().split() if file.read(2) == b"#!" else []
        if words and Path(words[0]).is_absolute() and not Path(words[0]).exists():
            return words[0]
    return None


def installed_version(word: str, base: Path, distribution: str) -> str | None:
    """The version of a distribution in the environment of the program ``word``; None where it cannot be found out."""
    program = find_program(word, base)
    python = interpreter(program) if program is not None else None
    if python is None or not distribution:
        return None
    code = f"import importlib.metadata as m; print(m.version({distribution!r}))"
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, timeout=60, check=False)
        if done.returncode == 0:
            return done.stdout.strip()
    return None
