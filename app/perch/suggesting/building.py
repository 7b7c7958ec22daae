"""Builds Dragonfly's own environment: it needs a numpy that nothing else in Perch can share.

The environment is locked (``uv.lock``), so ``uv`` builds it; where there is none, one is put next to it first.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from perch.errors import StrategyError
from perch.home import expanded, is_own

FILES: Final = ("pyproject.toml", "uv.lock", "serve.py", "acquisition.py", "axes.py", "bandit.py")
"""What the environment and its program are made of; next to the source in a checkout, inside the package in a wheel."""
UV: Final = "uv==0.13.9"
_CHECKOUT: Final = Path(__file__).resolve().parents[2] / "dragonfly"
_PACKAGED: Final = Path(__file__).resolve().parent / "dragonfly_environment"


def built() -> Path:
    """The folder of the environment that ``build`` makes, which may not be there: in the user's data folder."""
    home = expanded(os.environ.get("XDG_DATA_HOME") or "~/.local/share")
    return home / "perch" / "dragonfly"


def build(say: Callable[[str], object]) -> Path:
    """Build the environment and return its interpreter. Needs a package registry; takes some 20 s, or minutes on a busy machine.

    Raises StrategyError with the builder's last words.
    """
    source = next((folder for folder in (_PACKAGED, _CHECKOUT) if (folder / "uv.lock").is_file()), None)
    if source is None:
        raise StrategyError(
            "Dragonfly's files are missing", why=f"neither {_PACKAGED} nor {_CHECKOUT}", fix="install Perch anew"
        )
    target = built()
    if not is_own(target):
        raise StrategyError(
            "cannot build Dragonfly's environment", why=f"'{target}' cannot be written", fix="set XDG_DATA_HOME"
        )
    for name in FILES:
        shutil.copy(source / name, target / name)
    uv = _uv(target, say)
    say(f"building {target}")
    _run([uv, "sync", "--frozen", "--quiet", "--python", _python(), "--project", str(target)])
    interpreter = target / ".venv" / "bin" / "python"
    _run([str(interpreter), "-W", "ignore", "-c", "import dragonfly"])
    return interpreter


def _uv(target: Path, say: Callable[[str], object]) -> str:
    found = shutil.which("uv")
    if found is not None:
        return found
    tools = target / ".tools"
    if not (tools / "bin" / "uv").is_file():
        say(f"installing {UV} into {tools}")
        _run([_python(), "-m", "venv", str(tools)])
        _run([str(tools / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", UV])
    return str(tools / "bin" / "uv")


def _python() -> str:
    """The interpreter that runs Perch, outside of any virtual environment."""
    return str(getattr(sys, "_base_executable", sys.executable))


def _run(command: list[str]) -> None:
    environment = {
        k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT")
    }
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-3:]
        raise StrategyError(
            "Dragonfly's environment could not be built", why=" / ".join(last),
            fix=f"check that a package registry can be reached, then 'perch doctor --fix' again ({' '.join(command[:2])} …)",
        )  # fmt: skip
