"""A wheel, installed into an empty environment, gives ``perch``, which builds Dragonfly's environment and runs the main job."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from perch.suggesting.building import FILES

ROOT = Path(__file__).parents[2]


REGISTRY = (
    "UV_",
    "PIP_",
    "SSL_CERT",
    "REQUESTS_CA",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)
"""How names of variables begin that say how a registry is reached from this machine: nothing else is taken over."""


def uv() -> str:
    """The command uv, from PATH or from a checkout's own tools."""
    own = ROOT / ".tools" / "bin" / "uv"
    found = shutil.which("uv") or (str(own) if own.is_file() else None)
    if found is None:
        pytest.skip("uv is neither on PATH nor in .tools")
    return found


@pytest.mark.slow
def test_from_the_wheel_to_a_finished_run(tmp_path: Path) -> None:
    """Needs a package registry, or uv's cache."""
    build = [uv(), "build", "--wheel", "--out-dir", str(tmp_path), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    if done.returncode and "Failed to fetch" in done.stderr:
        pytest.skip(f"no package registry: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    assert {f"perch/suggesting/dragonfly_environment/{name}" for name in FILES} <= held
    environment = {
        **{name: value for name, value in os.environ.items() if name.startswith(REGISTRY)},
        "PATH": f"{tmp_path / 'env' / 'bin'}:/usr/bin:/bin", "HOME": os.environ.get("HOME", "/"), "XDG_DATA_HOME": str(tmp_path / "data"),
    }  # fmt: skip
    for command in (
        [uv(), "venv", "--python", sys.executable, str(tmp_path / "env")],
        [uv(), "pip", "install", "--python", str(tmp_path / "env" / "bin" / "python"), str(wheel)],
        ["perch", "--version"],
        ["perch", "doctor", "--fix"],
        ["perch", "run", "--trials", "2", "--set", "epochs=2", "--set", "confirm.top=0", "--run-id", "r"],
        [
            "perch",
            "run",
            "--strategy",
            "bo",
            "--trials",
            "3",
            "--set",
            "epochs=1",
            "--set",
            "confirm.top=0",
            "--run-id",
            "b",
        ],
    ):
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            executable=shutil.which(command[0], path=environment["PATH"]),
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}"
    assert (tmp_path / "results" / "r" / "report.html").is_file()
