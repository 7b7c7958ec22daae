"""The node's own disk: where it lies, what is copied there, what a killed job has left, and paths of any name."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.clusters.slurm.fake import FakeSlurm
from tests.unit.clusters.slurm.test_batch import finish, job

from perch.clusters.slurm.site import NODE_VARIABLES


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A node's own disk."""
    (tmp_path / "disk").mkdir()
    return tmp_path / "disk"


def bound(slurm: FakeSlurm) -> str:
    """How the last container was started."""
    return slurm.calls("apptainer")[-1]


def test_it_is_bound_wherever_it_lies(slurm: FakeSlurm, disk: Path) -> None:
    assert finish(slurm, job(), PERCH_NODE_TMP=str(disk))[0] == 0
    assert f"--bind {disk}:/node-tmp" in bound(slurm)
    assert "perch slurm launch --node-tmp /node-tmp" in bound(slurm)


@pytest.mark.parametrize("form", ["$TMPDIR/$USER-$SLURM_JOB_ID", "${TMPDIR}/${USER}-${SLURM_JOB_ID}"])
def test_variables_are_those_of_the_node(slurm: FakeSlurm, disk: Path, form: str) -> None:
    (disk / f"me-{slurm.job_id}").mkdir()
    code, output = finish(slurm, job(), PERCH_NODE_TMP=form, TMPDIR=str(disk), USER="me")
    assert code == 0, output
    assert f"--bind {disk}/me-{slurm.job_id}:/node-tmp" in bound(slurm)


def test_the_users_name_is_known_where_jobs_have_no_variable_for_it(slurm: FakeSlurm, disk: Path) -> None:
    name = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    (disk / name).mkdir()
    assert finish(slurm, job(), PERCH_NODE_TMP="$TMPDIR/$USER", TMPDIR=str(disk), USER="")[0] == 0
    assert f"--bind {disk}/{name}:/node-tmp" in bound(slurm)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("$TMPDIR/x", "$TMPDIR is not set"),
        ("/local/$PATH", "may not hold $PATH"),
        ("/nowhere/at/all", "there is no folder /nowhere/at/all"),
        ("/proc/self", "cannot write to /proc/self"),
    ],
)
def test_a_disk_that_cannot_be_used_ends_the_job_before_it_starts(slurm: FakeSlurm, value: str, said: str) -> None:
    code, output = finish(slurm, job(), PERCH_NODE_TMP=value, TMPDIR="")
    assert code == 2
    assert said in output
    assert "fix:" in output
    assert slurm.calls("perch") == []


def test_a_disk_without_room_is_said_with_the_numbers(slurm: FakeSlurm, disk: Path) -> None:
    slurm.command("df", "echo Avail; echo 2048")
    code, output = finish(slurm, job(), PERCH_NODE_TMP=str(disk))
    assert code == 2
    assert "2 MiB are free, 1024 are needed" in output


def test_the_script_and_the_site_file_know_the_same_variables() -> None:
    line = next(line for line in job().splitlines() if line.strip().startswith("local known="))
    assert line.split("'")[1].split() == list(NODE_VARIABLES)


def left_by(disk: Path, name: str, job_id: str | None, age_s: float = 0) -> Path:
    """The private folder of a launcher that was killed."""
    folder = disk / f"perch-job-{name}"
    folder.mkdir()
    if job_id is not None:
        (folder / "job").write_text(job_id + "\n")
    os.utime(folder, (time.time() - age_s,) * 2)
    return folder


def test_the_next_job_removes_what_a_killed_one_has_left(slurm: FakeSlurm, disk: Path) -> None:
    own = left_by(disk, "earlier0", str(slurm.job_id))
    over = left_by(disk, "of-over0", "12")
    runs = left_by(disk, "running0", "13")
    fresh = left_by(disk, "nameless", None)
    old = left_by(disk, "ancient0", None, age_s=3 * 86400)
    other = disk / "not-ours"
    other.mkdir()
    code, output = finish(slurm, job(nodes=1), PERCH_NODE_TMP=str(disk), FAKE_OVER="12")
    assert code == 0, output
    assert [own.exists(), over.exists(), old.exists()] == [False] * 3
    assert [runs.exists(), fresh.exists(), other.exists()] == [True] * 3
    assert f"removing {over}, left by job 12" in output


def test_image_and_data_are_copied_once_per_node(slurm: FakeSlurm, disk: Path, tmp_path: Path) -> None:
    data = tmp_path / "data.db"
    data.write_text("structures")
    knobs = {"PERCH_STAGE": "1", "PERCH_NODE_TMP": str(disk), "PERCH_STAGE_DATA": str(data)}
    assert finish(slurm, job(), **knobs)[0] == 0
    [sif], [copy] = (list(disk.glob(f"perch-stage-*/*{suffix}")) for suffix in (".sif", ".db"))
    assert copy.read_text() == "structures"
    assert sif.parent.stat().st_mode & 0o077 == 0
    assert f"--bind {copy}:{data}" in bound(slurm)
    assert f" {sif} perch slurm launch" in bound(slurm)
    inode = sif.stat().st_ino
    assert finish(slurm, job(), **knobs)[0] == 0
    assert sif.stat().st_ino == inode, "the second job copies nothing"


def test_a_newer_file_and_one_of_the_same_name_have_copies_of_their_own(
    slurm: FakeSlurm, disk: Path, tmp_path: Path
) -> None:
    for number, folder in enumerate(("one", "two")):
        path = tmp_path / folder / "data.db"
        path.parent.mkdir()
        path.write_text(str(number))
        os.utime(path, (1, 1))
        finish(slurm, job(nodes=1), PERCH_NODE_TMP=str(disk), PERCH_STAGE_DATA=str(path))
    assert sorted(path.read_text() for path in disk.glob("perch-stage-*/*data.db")) == ["0", "1"]


def test_copies_are_removed_by_size_those_used_longest_ago_first(slurm: FakeSlurm, disk: Path) -> None:
    folder = disk / f"perch-stage-{os.getuid()}"
    folder.mkdir(mode=0o700)
    for name, age_s in (("old", 9000), ("middle", 5000), ("new", 60)):
        with (folder / name).open("wb") as stream:
            stream.truncate(600_000_000)  # sparse: takes no room
        os.utime(folder / name, (time.time() - age_s,) * 2)
    finish(slurm, job(nodes=1), PERCH_NODE_TMP=str(disk), PERCH_STAGE_GB="1")
    assert {path.name for path in folder.iterdir()} == {"new"}


def test_a_copy_of_the_last_ten_minutes_stays_whatever_its_size(slurm: FakeSlurm, disk: Path) -> None:
    folder = disk / f"perch-stage-{os.getuid()}"
    folder.mkdir(mode=0o700)
    with (folder / "in-use").open("wb") as stream:
        stream.truncate(3_000_000_000)
    finish(slurm, job(nodes=1), PERCH_NODE_TMP=str(disk), PERCH_STAGE_GB="1")
    assert (folder / "in-use").exists()


ODD = "mit Leerzeichen, Ümläuten & $HOME".replace(",", "")

KNOBS: dict[str, Callable[[Path], dict[str, str]]] = {
    "PERCH_OUT": lambda odd: {"PERCH_OUT": str(odd)},
    "PERCH_SIF": lambda odd: {"PERCH_SIF": str(odd / "perch.sif")},
    "PERCH_CODE_DIR": lambda odd: {"PERCH_CODE_DIR": str(odd)},
    "PERCH_NEEDED": lambda odd: {"PERCH_NEEDED": f"{odd / 'data.db'}\n{odd / 'study.yaml'}"},
    "PERCH_BINDS": lambda odd: {"PERCH_BINDS": f"{odd}\n{odd}:/data:ro"},
    "PERCH_NODE_TMP": lambda odd: {"PERCH_NODE_TMP": "$TMPDIR", "TMPDIR": str(odd)},
    "PERCH_STAGE_DATA": lambda odd: {
        "PERCH_STAGE_DATA": str(odd / "data.db"),
        "PERCH_NODE_TMP": "$TMPDIR",
        "TMPDIR": str(odd),
    },
    "PERCH_STAGE": lambda odd: {
        "PERCH_STAGE": "1",
        "PERCH_SIF": str(odd / "perch.sif"),
        "PERCH_NODE_TMP": "$TMPDIR",
        "TMPDIR": str(odd),
    },
    "PERCH_RUNTIME": lambda odd: {"PERCH_RUNTIME": str(odd / "apptainer")},
    "PERCH_CONTAINER_OPTIONS": lambda odd: {"PERCH_CONTAINER_OPTIONS": f"--bind '{odd}'"},
}
"""Each knob that takes a path, with a folder of an odd name in it."""


@pytest.mark.parametrize("knob", KNOBS)
def test_every_knob_takes_a_path_with_spaces_and_umlauts(slurm: FakeSlurm, tmp_path: Path, knob: str) -> None:
    odd = tmp_path / ODD
    odd.mkdir()
    (odd / "perch.sif").write_text("sif\n")
    (odd / "data.db").write_text("structures")
    (odd / "study.yaml").touch()
    (odd / "apptainer").symlink_to(slurm.bin / "apptainer")
    code, output = finish(slurm, job(), **KNOBS[knob](odd))
    assert code == 0, output
    assert str(odd) in bound(slurm) or knob == "PERCH_RUNTIME", "the runtime's own name is no argument of it"


def test_the_folder_that_a_job_is_submitted_from_may_have_any_name(tmp_path: Path) -> None:
    slurm = FakeSlurm(tmp_path / ODD)
    code, output = finish(slurm, job())
    assert code == 0, output
    assert (slurm.folder / "results" / "demo.slurm").is_dir()


@pytest.mark.parametrize("name", ["with,comma", "with:colon"])
def test_a_name_that_apptainer_cannot_bind_is_said(slurm: FakeSlurm, tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    code, output = finish(slurm, job(), PERCH_CODE_DIR=str(tmp_path / name))
    assert code == 2
    assert "its name holds a colon or a comma" in output
