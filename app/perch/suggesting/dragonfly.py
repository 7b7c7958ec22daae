"""Finds Dragonfly's environment and program, and makes its process a searcher's port."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from perch.dimension import Choice
from perch.errors import StrategyError
from perch.space import Space
from perch.strategies.plan import Plan
from perch.strategies.registry import read_settings
from perch.strategies.searchers.dragonfly import dragonfly_search
from perch.strategies.searchers.prefetch import Port, PrefetchSearcher
from perch.suggesting.building import built
from perch.suggesting.process import ASK_LIMIT_S, START_LIMIT_S, AskedProcess

BUILD: Final = "run 'perch doctor --fix' (in a checkout: 'make dragonfly'), or set PERCH_DRAGONFLY_PYTHON to its python"

_HERE = Path(__file__).resolve().parents[2]  # app/


# --- where it is ---------------------------------------------------------------------------------------------------------


def python() -> Path | None:
    """The interpreter of Dragonfly's environment: PERCH_DRAGONFLY_PYTHON, the one next to the source, the image's, or the user's."""
    if given := os.environ.get("PERCH_DRAGONFLY_PYTHON"):
        return Path(given) if Path(given).is_file() else None
    for place in (
        _HERE / "dragonfly/.venv/bin/python",
        Path("/opt/perch/dragonfly/bin/python"),
        built() / ".venv/bin/python",
    ):
        if place.is_file():
            return place
    return None


def server(interpreter: Path) -> Path | None:
    """The program ``serve.py``: next to the package's source, or in a folder above the interpreter."""
    for folder in (_HERE / "dragonfly", *interpreter.parents[1:4]):
        if (folder / "serve.py").is_file():
            return folder / "serve.py"
    return None


def require() -> tuple[Path, Path]:
    """Interpreter and program. Raises StrategyError that says how to build what is missing."""
    interpreter = python()
    if interpreter is None:
        given = os.environ.get("PERCH_DRAGONFLY_PYTHON")
        why = f"PERCH_DRAGONFLY_PYTHON is {given}, which is no file" if given else "no environment was built for it"
        raise StrategyError(
            "Dragonfly is not installed", why=why, fix=f"{BUILD}; every other strategy works without it"
        )
    program = server(interpreter)
    if program is None:
        raise StrategyError(
            "Dragonfly's server program is missing", why="no serve.py next to its environment", fix=BUILD
        )
    return interpreter, program


def status() -> tuple[bool, str, str]:
    """For ``perch doctor``: whether Dragonfly answers, what there is, and what to do about it."""
    try:
        interpreter, _ = require()
    except StrategyError as error:
        return False, f"{error.what}: {error.why}", error.fix
    begun = time.perf_counter()
    code = "import dragonfly, numpy; from importlib.metadata import version; print(version('dragonfly-opt'), numpy.__version__)"
    command = [str(interpreter), "-W", "ignore", "-c", code]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=START_LIMIT_S, env=_environment(), check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, f"Dragonfly's environment does not start: {error}", BUILD
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return False, f"Dragonfly cannot be imported: {last}", BUILD
    versions = done.stdout.split()
    took = time.perf_counter() - begun
    return True, f"dragonfly-opt {versions[0]} (numpy {versions[1]}, starts in {took:.1f} s): {interpreter}", ""


def searcher(spec: str | Mapping[str, Any], plan: Plan, *, port: Port | None = None) -> PrefetchSearcher | None:
    """The searcher for a strategy that uses Dragonfly, None for every other. No process starts before the first question.

    Raises StrategyError when the environment is missing.
    """
    entry, settings = read_settings(spec)
    if entry.searcher != "dragonfly":
        return None
    if port is None:
        port = DragonflyProcess(plan.space, plan.seed, stock=settings.stock)
    return dragonfly_search(plan, settings, port)


# --- the process ---------------------------------------------------------------------------------------------------------


class DragonflyProcess(AskedProcess):
    """Dragonfly's server as a port; with ``stock`` its ask/tell as it comes. See ``AskedProcess`` for the rest."""

    def __init__(
        self,
        space: Space,
        seed: int,
        *,
        stock: bool = False,
        wait: bool = False,
        command: list[str] | None = None,
        ask_limit_s: float = ASK_LIMIT_S,
    ) -> None:
        command = command or [str(require()[0]), "-W", "ignore", str(require()[1])]
        super().__init__(
            "Dragonfly", command, _opening(space, seed, stock), environment=_environment(), fixed=_single(space),
            wait=wait, ask_limit_s=ask_limit_s,
        )  # fmt: skip

    def reopen(self, space: Space, seed: int, *, stock: bool = False, fast: bool = False) -> None:
        """Use the same process for another study (after the last reply of the one before): saves its start.

        ``fast``: stock Dragonfly with its acquisition maximised a generation at a time.
        """
        self.open_anew({**_opening(space, seed, stock), "fast": fast}, _single(space))


def _opening(space: Space, seed: int, stock: bool) -> dict[str, Any]:
    return {"do": "open", **describe(space), "seed": seed, "stock": stock}


def describe(space: Space) -> dict[str, Any]:
    """The space as the server reads it; a choice of one value is a fixed value."""
    axes: list[dict[str, Any]] = []
    fixed = {**space.fixed, **_single(space)}
    for name, dimension in space.dimensions.items():
        if name not in fixed:
            axes.append({"name": name, **dimension.spec()})
    return {"axes": axes, "fixed": fixed, "where": list(space.where)}


def _single(space: Space) -> dict[str, Any]:
    """Dimensions that have no choice, which Dragonfly is not asked about."""
    return {k: d.values[0] for k, d in space.dimensions.items() if isinstance(d, Choice) and len(d.values) == 1}


def _environment() -> dict[str, str]:
    """The environment without what would mix the two Pythons."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV", "UV_"))}
