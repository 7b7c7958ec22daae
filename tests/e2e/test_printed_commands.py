"""Every command that README, tutorial and closing lines print works as printed, in an empty folder, with ``perch`` on PATH.

Budgets are shortened (``SHORTER``), folders that a run names itself are filled in, and what cannot be run here is listed with
its reason. A quarter of an hour on two idle cores: ``make test-slow``.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/tutorial.md", "docs/index.md")

NOT_RUN = {
    r"make (run|test|install)": "sets up environments of its own; tests/e2e/test_wheel.py and CI do",
    r"source \.venv": "a shell's own environment",
    r"pip install": "needs minutes of downloads; tests/e2e/test_wheel.py does it",
    r"perch doctor --fix": "builds an environment from a registry; tests/e2e/test_wheel.py does it",
    r"perch init$": "asks on a terminal; tests/unit/beginning answers",
    r"perch init --preset mace|perch run mace-study": "needs MACE; tests/e2e/programs does it",
    r"perch board": "serves until it is ended; tests/integration/boards does it",
}
"""Pattern of a command → why it is not run here."""

FEW = " --trials 4 --set epochs=3 --set confirm.top=0"
SHORTER = {
    r"^perch run$": f"perch run{FEW}", r"^perch run mine\.yaml$": f"perch run mine.yaml{FEW}", r"--time-budget 4m": f"--time-budget 4m{FEW}",
    r"^(perch record .*)--budget 30m": r"\1--budget 30m --trials 22", r"--time-budget (2|10)m": "--time-budget 150s --min-cpu-share 0", r"--seeds (3|10)": "--seeds 1",
    r"asha,ahb,rs": "asha,rs", r"^(perch rehearse .*)--gpus 32 --hours 8": r"\1--workers 2 --time-budget 60s --epoch-s 2",
}  # fmt: skip
"""Pattern → what stands in its place. Budgets of time stay long enough for Ray's start on a busy machine, on which a comparison would
also repeat runs that got too little of the processor."""

STUDY = """
name: oh-on-alloys
data: {source: extxyz, path: structures.extxyz, target: energy_ev, adsorbate: {symbols: [O, H]}}
epochs: 3
budget: {trials: 4}
confirm: {top: 0}
"""


def printed(page: str) -> list[str]:
    """Commands of a page's console and bash blocks, comments and continuation lines apart."""
    text = (ROOT / page).read_text(encoding="utf-8").replace("\\\n", " ")
    blocks = re.findall(r"```(?:bash|console)\n(.*?)```", text, flags=re.DOTALL)
    lines = [re.sub(r"\s+#.*$", "", line).strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def reason(command: str) -> str | None:
    """Why a command is not run."""
    return next((why for pattern, why in NOT_RUN.items() if re.match(pattern, command)), None)


def test_only_what_is_printed_is_excused() -> None:
    commands = [c for page in PAGES for c in printed(page)]
    for pattern in NOT_RUN:
        assert any(re.match(pattern, command) for command in commands), f"'{pattern}' is printed nowhere"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """An empty folder with the files that the pages take for granted, and an environment that finds ``perch``."""
    from ase.db import connect
    from ase.io import write

    from perch.data.sources.toy import Toy
    from perch.study import DataSpec

    folder = tmp_path_factory.mktemp("printed")
    (folder / "bin").mkdir()
    (folder / "bin" / "perch").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m perch.cli.main "$@"\n')
    (folder / "bin" / "perch").chmod(0o755)
    frames = []
    with connect(folder / "structures.db") as database:
        for entry in Toy().read(DataSpec(source="toy", select="count=60"), None, None):
            energy_ev = float(entry.get("adsorption_energy_ev"))
            entry.atoms.info, entry.atoms.calc = {"energy_ev": energy_ev}, None
            frames.append(entry.atoms)
            database.write(entry.atoms, adsorption_energy=energy_ev)
    write(folder / "structures.extxyz", frames)
    write(folder / "new.xyz", frames[:3], format="extxyz")
    (folder / "study.yaml").write_text(STUDY)
    environment = {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT / "app")}
    return folder, environment


def fill_in(command: str, folder: Path) -> str:
    """Shorter budgets, and the newest run in the place of a run's name."""
    for pattern, short in SHORTER.items():
        command = re.sub(pattern, short, command)
    runs = sorted((folder / "results").glob("*/summary.json"), key=lambda p: p.stat().st_mtime)
    newest = f"results/{runs[-1].parent.name}" if runs else "results/none"
    command = re.sub(r"results/(?:RUN|[\w-]*…)", newest, command)
    return re.sub(r"\b000(12|17)\b", "00000", command)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_prints_works(page: str, place: tuple[Path, dict[str, str]]) -> None:
    folder, environment = place
    for command in printed(page):
        if reason(command) is not None:
            continue
        shown = fill_in(command, folder)
        done = subprocess.run(
            ["bash", "-c", shown], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{shown}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


@pytest.mark.slow
def test_the_closing_lines_of_a_run_work(place: tuple[Path, dict[str, str]]) -> None:
    folder, environment = place
    run = ["perch", "run", "study.yaml", "--run-id", "closing"]
    done = subprocess.run(run, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    last = re.search(r"^ *next: +(.*)$", done.stdout, flags=re.MULTILINE)
    assert last is not None
    for command in re.split(r"\s{3,}", last[1]):
        if reason(command) is None:
            shown = command.replace("STRUCTURES", "new.xyz")
            done = subprocess.run(
                ["bash", "-c", shown], cwd=folder, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{shown}\n{done.stderr[-2000:]}"
    assert (folder / "results" / "closing" / "report.html").is_file()
