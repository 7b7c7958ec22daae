"""What ``perch init`` asks when something is not given: five questions, each with an answer that Enter takes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from perch.errors import StudyError

Ask = Callable[[str, str], str]
"""Called with a question and the answer that Enter takes; returns the answer."""


@dataclass(frozen=True)
class Answers:
    """What a study of structures is written from; None: not answered."""

    data: str | None = None
    target: str | None = None
    adsorbate: str | None = None
    """ase, ocp, gaspy, symbols such as ``O,H``, or none."""
    budget: str | None = None
    name: str | None = None


def complete(given: Answers, keys: Callable[[str], Sequence[str]], ask: Ask | None) -> Answers:
    """The answers with what is missing asked for. ``keys`` names the numeric keys of a file; ``ask`` None: nobody can be asked.

    Raises StudyError where nobody can be asked and data or target are missing.
    """
    if ask is None:
        missing = [f"--{name}" for name in ("data", "target") if getattr(given, name) is None]
        if missing:
            raise StudyError(
                f"perch init needs {' and '.join(missing)}",
                why="there is no terminal on which to ask",
                fix="perch init --data structures.extxyz --target energy_ev, or --preset mace --template mace.yaml",
            )
        return replace(given, **{k: v for k, v in _defaults(given).items() if getattr(given, k) is None})
    if given.data is None:
        given = replace(
            given, data=ask("1 of 5  Your structures (.extxyz, .xyz, .traj, .db, a folder of CIF)", "structures.extxyz")
        )
    assert given.data is not None
    if given.target is None:
        known = keys(given.data)
        first = next((k for k in known if "ads" in k.lower()), known[0] if known else "energy")
        listed = f" (numbers in the file: {', '.join(known[:12])})" if known else ""
        given = replace(
            given,
            target=ask(f"2 of 5  The target in eV: a key, or an expression such as E_ads - E_slab{listed}", first),
        )
    if given.adsorbate is None:
        how = "3 of 5  Which atoms are the adsorbate: ase, ocp or gaspy (tags), symbols such as O,H, or none"
        given = replace(given, adsorbate=ask(how, "none"))
    defaults = _defaults(given)
    if given.budget is None:
        given = replace(
            given, budget=ask("4 of 5  How long may it search: 30m, 8h, or a number of trials", defaults["budget"])
        )
    if given.name is None:
        given = replace(given, name=ask("5 of 5  A name for the study", defaults["name"]))
    return given


def _defaults(given: Answers) -> dict[str, str]:
    name = Path(given.data or "study").name.removesuffix(".gz")
    return {"adsorbate": "none", "budget": "1h", "name": Path(name).stem}


def asker() -> Ask | None:
    """Asks on the terminal; None where there is none on either side."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return None
    import typer

    return lambda question, default: str(typer.prompt(question, default=default))
