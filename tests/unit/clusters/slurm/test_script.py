"""Batch scripts: the shipped presets, the site file, quoting; bash and shellcheck agree with them."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perch.clusters.slurm import walltime
from perch.clusters.slurm.job import Job, job_for
from perch.clusters.slurm.knobs import knob
from perch.clusters.slurm.presets import PRESETS
from perch.clusters.slurm.script import render
from perch.clusters.slurm.site import Site, load_site
from perch.errors import ClusterError

REPOSITORY = Path(__file__).parents[4]
GOLDEN = Path(__file__).parent / "golden"
SITE = """
account: chem-42
partition: gpu
constraint: a100
sbatch: [--exclusive]
modules: [apptainer/1.3]
interface: hsn0
binds: [/scratch, "/data:/data:ro"]
pass_env: [HF_HOME]
stage: true
requeue: false
"""


def moved(folder: Path, text: str) -> str:
    """A path of this test as one that stays the same."""
    return text.replace(str(folder), "/project")


@pytest.mark.parametrize("name", PRESETS)
def test_the_shipped_scripts_are_what_render_makes(name: str) -> None:
    shipped = (REPOSITORY / "apptainer" / f"{name}.sbatch").read_text()
    assert shipped == render(PRESETS[name], Site()), "run 'make presets'"


def test_a_script_for_a_study_on_a_site(tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text(SITE)
    (tmp_path / "study.yaml").write_text(
        "name: oh-on-alloys\ndata: {source: ase-db, path: data.db}\nepochs: 3\nbudget: {trials: 4}\n"
    )
    (tmp_path / "data.db").touch()
    job = job_for(tmp_path / "study.yaml", ("--seed", "3"), nodes=4, gpus_per_node=4, time="8h", stage_data=True)
    here = {
        "needed": tuple(moved(tmp_path, path) for path in job.needed),
        "command": tuple(moved(tmp_path, w) for w in job.command),
    }
    assert job.stage_data == str(tmp_path / "data.db")
    text = render(replace(job, **here, stage_data="/project/data.db"), load_site(tmp_path / "cluster.yaml"))
    golden = GOLDEN / "study-on-a-site.sbatch"
    assert text == golden.read_text(), f"if the change is meant: copy it to {golden}"


@pytest.mark.parametrize(
    "path", sorted((REPOSITORY / "apptainer").glob("*.sbatch")) + sorted(GOLDEN.glob("*.sbatch")), ids=lambda p: p.stem
)
def test_bash_and_shellcheck_agree(path: Path) -> None:
    subprocess.run(["bash", "-n", str(path)], check=True)
    if shutil.which("shellcheck"):
        done = subprocess.run(["shellcheck", str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 5400),
        ("90:30", 5430),
        ("08:00:00", 28800),
        ("1-12", 129600),
        ("1-12:30", 131400),
        ("1-12:30:15", 131415),
        ("8h", 28800),
        ("1h30m", 5400),
        (" 2d ", 172800),
    ],
)
def test_slurms_notations_and_our_own_are_read(text: str, seconds: int) -> None:
    assert walltime.read(text) == seconds


@given(st.integers(1, 10**7))
def test_what_is_written_is_read_back(seconds: int) -> None:
    assert walltime.read(walltime.write(seconds)) == seconds


@pytest.mark.parametrize("text", ["soon", "0", "1:2:3:4", "-5", "1-2-3", "UNLIMITED"])
def test_other_walltimes_are_refused_with_the_notations(text: str) -> None:
    with pytest.raises(ClusterError, match="08:00:00") as caught:
        walltime.read(text)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(("seconds", "text"), [(90, "00:01:30"), (8 * 3600, "08:00:00"), (26 * 3600, "1-02:00:00")])
def test_durations_as_slurm_writes_them(seconds: float, text: str) -> None:
    assert walltime.write(seconds) == text


@settings(deadline=None, max_examples=60)  # each example starts a shell
@given(st.text(st.characters(codec="ascii", exclude_characters="\0\r"), max_size=30))
def test_bash_gives_back_every_knob_as_it_was(value: str) -> None:
    script = f'unset KNOB; {knob("KNOB", value)}; printf "%s." "$KNOB"'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == value + "."


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"run_id": "../x"}, "cannot name a run"),
        ({"nodes": 0}, "counted from one"),
        ({"gpus_per_node": 0}, "counted from one"),
        ({"nodes": 2, "min_nodes": 3}, "--min-nodes 3 of 2 nodes"),
        ({"memory": "lots"}, "--mem lots"),
        ({"time": "00:05:00"}, "is told to stop 300 s before its end"),
    ],
)
def test_what_slurm_would_refuse_is_refused_here(changes: dict[str, object], said: str) -> None:
    settings: dict[str, object] = {"run_id": "demo", "command": ("run",)}
    with pytest.raises(ClusterError, match=said) as caught:
        render(Job(**(settings | changes)), Site())  # type: ignore[arg-type]
    assert caught.value.exit_code == 2
    assert caught.value.fix


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("partitoin: gpu", "did you mean 'partition'"),
        ("partition: 'a b'", "partition"),
        ("max_requeues: -1", "max_requeues"),
        ("- gpu", "no site file"),
        ("a: [", "cannot read the site file"),
        ("version: 2", "a newer one wrote it"),
        ("node_tmp: $PATH", "may not hold $PATH"),
        ("node_tmp: scratch", "it must be absolute"),
        ("sif: ''", "sif"),
    ],
)
def test_a_wrong_site_file_names_the_key(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(text)
    with pytest.raises(ClusterError) as caught:
        load_site(path)
    assert said in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_site_file_may_name_homes_and_variables_of_the_nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    path = tmp_path / "cluster.yaml"
    path.write_text(
        "version: 1\nsif: ~/my images/perch.sif\nbinds: ['~/data sets:/data:ro', /scratch]\nnode_tmp: $TMPDIR/me\n"
    )
    site = load_site(path)
    assert site.sif == "/home/me/my images/perch.sif"
    assert site.binds == ("/home/me/data sets:/data:ro", "/scratch")
    assert "PERCH_NODE_TMP='$TMPDIR/me'" in render(Job("demo", ("run",)), site)


def test_comments_stand_before_lines_that_are_too_long_for_them() -> None:
    text = render(Job("a-name-of-a-run-that-is-rather-long-" + "x" * 40, ("run",)), Site())
    lines = text[: text.index("set -euo")].splitlines()
    assert all(
        "  # " in line or " # " not in line.removeprefix("#SBATCH") for line in lines if line.startswith("#SBATCH")
    )
    assert "# names the run:" in lines


def test_a_name_of_a_study_becomes_a_run_id(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text("name: Öl auf Wasser\nepochs: 3\nbudget: {trials: 4}\n")
    assert job_for(tmp_path / "study.yaml", time="8h").run_id == "l-auf-Wasser-asha"


def test_a_duration_that_is_none_is_said() -> None:
    with pytest.raises(ClusterError, match="--time soon"):
        job_for(None, time="soon")
