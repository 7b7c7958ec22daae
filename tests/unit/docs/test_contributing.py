"""The worked diffs of CONTRIBUTING.md apply as printed, and what they add passes the suites that hold for all of its kind."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.patience import LIMIT_S

ROOT = Path(__file__).parents[3]
DIFF = re.compile(r"^```diff\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
COPIED = ("app/perch", "tests", "pyproject.toml")
SUITES = ("tests/contract/test_sources.py", "tests/contract/test_strategies.py", "tests/unit/model/test_cgcnn.py")


@pytest.fixture(scope="module")
def patched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package and of the tests, with every diff of the page applied."""
    if shutil.which("git") is None:
        pytest.skip("git, which applies the diffs, is not installed")
    copy = tmp_path_factory.mktemp("contributing")
    for name in COPIED:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy / name)
    diffs = DIFF.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert len(diffs) == 4
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(copy.parent)}  # else git may take a repository above
    for diff in diffs:
        done = subprocess.run(
            ["git", "apply", "-"], cwd=copy, input=diff, capture_output=True, text=True, env=environment, check=False
        )
        assert done.returncode == 0, f"{diff.splitlines()[1]}: {done.stderr}"
    return copy


def run_in(copy: Path, *arguments: str) -> str:
    """What Python prints in the copy, which comes before any installed Perch."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=copy, env={**os.environ, "PYTHONPATH": str(copy / "app")},
        capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_each_registry_lists_what_was_added(patched: Path) -> None:
    code = (
        "from perch.data.reading.source import SOURCES; from perch.model import MODELS\n"
        "from perch.strategies.registry import STRATEGIES\n"
        "print(*SOURCES.names(), *MODELS.names(), *STRATEGIES.names())"
    )
    assert {"poscar", "sums", "halfway"} <= set(run_in(patched, "-c", code).split())


def test_what_was_added_passes_the_suites_of_its_kind(patched: Path) -> None:
    said = run_in(patched, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-k", "poscar or sums or halfway", *SUITES)
    passed = re.findall(r"\[([a-z]+)[^\[]*\] PASSED", said)
    assert {name for name in passed if passed.count(name) >= 3} == {"poscar", "sums", "halfway"}, said


def test_what_was_added_keeps_to_the_layers_and_the_style(patched: Path) -> None:
    added = [
        name
        for diff in DIFF.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
        for name in re.findall(r"^\+\+\+ b/(app/\S+)$", diff, flags=re.MULTILINE)
    ]
    assert len(added) == 3
    run_in(patched, "-m", "ruff", "check", "--no-cache", *added)
    run_in(patched, "-m", "ruff", "format", "--no-cache", "--check", *added)
    run_in(
        patched, "-c", "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    )
