"""The image as strangers run it: any user, a read-only root, no network, nothing in a home, little memory for a health check."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ENGINE = os.environ.get("PERCH_ENGINE", "podman")
IMAGE = os.environ.get("PERCH_IMAGE", "localhost/perch:dev")
HARDENED = [
    "--rm",
    "--read-only",
    "--tmpfs",
    "/tmp:mode=1777",
    "--network",
    "none",
    "--user",
    "12345:12345",
    "--cap-drop",
    "all",
]

pytestmark = pytest.mark.timeout(900)


def engine(*words: str, timeout_s: float = 600, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run podman (or docker)."""
    done = subprocess.run([ENGINE, *words], capture_output=True, text=True, timeout=timeout_s, check=False)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module", autouse=True)
def image() -> Iterator[dict[str, object]]:
    """What the engine says about the image; skips where there is none."""
    if shutil.which(ENGINE) is None:
        pytest.skip(f"no {ENGINE}")
    found = engine("image", "inspect", IMAGE, check=False)
    if found.returncode:
        pytest.skip(f"no image {IMAGE}: 'make image' builds it")
    yield json.loads(found.stdout)[0]


def bash(script: str, *options: str) -> str:
    """Run a line of bash in the hardened container."""
    return engine("run", *HARDENED, *options, "--entrypoint", "/bin/bash", IMAGE, "-c", script).stdout.strip()


def test_the_main_job_runs_hardened_and_leaves_a_record(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    small = ["--trials", "2", "--set", "epochs=1", "--set", "confirm.top=0"]
    engine(
        "run", *HARDENED, "--shm-size", "1g", "-v", f"{tmp_path}:/results", IMAGE,
        "run", *small, "--out", "/results", "--run-id", "smoke",
    )  # fmt: skip
    summary = json.loads((tmp_path / "smoke" / "summary.json").read_text())
    assert summary["trials"] == 2
    assert summary["failed"] == 0


def test_it_names_itself_and_its_parts() -> None:
    assert engine("run", *HARDENED, IMAGE, "--version").stdout.startswith("perch ")
    names = bash("for name in perch ray python bash tensorboard; do command -v $name; done").splitlines()
    assert len(names) == 5


def test_environments_of_training_programs_are_made_with_its_python() -> None:
    assert "python 3.11" in bash("python3 -m venv /tmp/envs/own && /tmp/envs/own/bin/pip --version")


def test_labels_say_where_it_comes_from(image: dict[str, object]) -> None:
    labels = image["Labels"]
    assert isinstance(labels, dict)
    for name in ("title", "description", "licenses", "version", "revision", "created"):
        assert labels[f"org.opencontainers.image.{name}"]


def test_it_carries_no_compiler_and_no_installer() -> None:
    assert bash("command -v gcc cc make pip uv || echo none") == "none"


def test_bytecode_is_compiled() -> None:
    code = "import perch.errors, torch, ray; from pathlib import Path; print(all(Path(m.__cached__).exists() for m in (perch.errors, torch, ray)))"
    assert bash(f"python -W ignore -c '{code}'") == "True"


def test_dragonfly_has_its_own_environment_and_answers() -> None:
    version = bash("/opt/perch/dragonfly/bin/python -W ignore -c 'import numpy, dragonfly; print(numpy.__version__)'")
    assert version == "1.23.5"
    assert bash("ls /opt/perch/dragonfly/serve.py") == "/opt/perch/dragonfly/serve.py"


def test_a_health_check_fits_into_256_mib_and_a_fifth_of_a_cpu() -> None:
    began = time.monotonic()
    done = engine(
        "run", *HARDENED, "--memory", "256m", "--cpus", "0.2", "--entrypoint", "ray", IMAGE,
        "health-check", "--address", "127.0.0.1:6379", check=False,
    )  # fmt: skip
    assert done.returncode not in (137, 139), "killed for memory"
    assert time.monotonic() - began < 120
