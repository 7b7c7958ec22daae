"""A site whose paths are not the lab's: spaces and umlauts in each of them, and a node's own disk that is not ``/tmp``."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.slurm.cluster import Cluster, podman, program
from tests.e2e.slurm.hill import STUDY, ended, trials
from tests.e2e.slurm.test_site import apptainer, view

from perch.clusters.slurm.job import RUN, Job
from perch.clusters.slurm.site import Site, load_site

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(900)]

HERE = Path(__file__).parent
ODD = "Ordner mit Ümläuten"
DISK = "/lokale Platte"
SITE = """
version: 1
node_tmp: $LOCAL_SCRATCH/$USER
requeue: false
"""


@pytest.fixture
def disk(lab: Cluster) -> Iterator[str]:
    """A file system of its own on each node, with a folder for the user; what it holds of Perch is listed by ``left``."""
    for node in ("node1", "node2"):
        for line in (
            ["mkdir", "-p", DISK],
            ["mount", "-t", "tmpfs", "-o", "size=2g", "tmpfs", DISK],
            ["mkdir", "-m", "755", f"{DISK}/user"],
            ["chown", "user", f"{DISK}/user"],
        ):
            podman("exec", f"slurm-{node}", *line)
    yield DISK
    lab.cancel_all()
    for node in ("node1", "node2"):
        podman("exec", f"slurm-{node}", "umount", "-l", DISK)


def left(node: str) -> list[str]:
    """What lies in the user's folder of a node's disk."""
    return podman("exec", f"slurm-{node}", "ls", f"{DISK}/user").stdout.splitlines()


def odd_folder(cluster: Cluster) -> tuple[Path, Path]:
    """A fresh folder with study, module, data and image, as this machine and as the nodes name it."""
    here, there = cluster.here / ODD, cluster.there / ODD
    if here.exists():
        podman("exec", "slurm-head", "rm", "-rf", str(there))
    here.mkdir()
    here.chmod(0o777)
    shutil.copy(HERE / "slow_hill.py", here / "slow_hill.py")
    (here / "Studie ä.yaml").write_text(STUDY.replace("trials: 12", "trials: 2").replace("epochs: 12", "epochs: 3"))
    (here / "Daten ö.txt").write_text("from the shared disk\n")
    (here / "cluster.yaml").write_text(SITE)
    (here / "perch ü.sif").symlink_to(cluster.sif)
    return here, there


def test_everything_in_folders_with_spaces_and_umlauts_on_another_disk(lab: Cluster, disk: str) -> None:
    here, there = odd_folder(lab)
    study = there / "Studie ä.yaml"
    job = Job(
        "odd", ("run", str(study), *RUN), nodes=2, cpus_per_node=1, memory="2G", time="00:15:00",
        needed=(str(study), str(there / "Daten ö.txt")), code=str(there), out=str(there / "Ergebnisse é"),
        stage_data=str(there / "Daten ö.txt"),
    )  # fmt: skip
    lab.script(f"{ODD}/job mit ß", job, load_site(here / "cluster.yaml"))
    knobs = {
        "PERCH_SIF": str(there / "perch ü.sif"),
        "PERCH_OUT": "",  # the script's own
        "PERCH_BINDS": "\n".join([f"{there}:/noch ein Name:ro", *lab.binds().splitlines()]),
        "LOCAL_SCRATCH": disk,
    }
    line = ("env", "-C", str(there), *lab.settings(knobs), "sbatch", "job mit ß.sbatch")
    job_id = lab.run(*line).split()[-1]
    lab.jobs.append(job_id)
    assert lab.wait(job_id, timeout_s=400) == 0, (here / f"perch-odd-{job_id}.out").read_text()
    copies = [name for name in left("node1") if not name.startswith("perch-stage")]
    assert copies == [], "nothing but staged copies stays"
    assert (
        podman("exec", "slurm-node2", "sh", "-c", f"ls '{DISK}'/user/perch-stage-*/")
        .stdout.strip()
        .endswith("Daten ö.txt")
    )
    output = (here / f"perch-odd-{job_id}.out").read_text()
    assert "joined (2 of 2)" in output
    table = here / "Ergebnisse é" / "odd" / "trials.parquet"
    assert table.is_file()
    assert list((here / "Ergebnisse é" / "odd.slurm" / job_id / "logs-0").glob("0-*/ray/raylet.out")), (
        "Ray's logs are kept"
    )


def test_what_a_kill_has_left_is_removed_by_the_next_job(lab: Cluster, disk: str) -> None:
    site = Site(node_tmp="$LOCAL_SCRATCH/$USER", requeue=False)
    wait = lab.script("killed", program(lab, "wait", run_id="killed", nodes=1), site)
    first = lab.submit(wait, "-w", "node1", knobs={"LOCAL_SCRATCH": disk})
    lab.says(first, "trials at work")
    lab.kill(first)
    lab.wait(first, timeout_s=120)
    [abandoned] = left("node1")
    second = lab.submit(wait, "-w", "node1", knobs={"LOCAL_SCRATCH": disk})
    lab.says(second, "trials at work")
    assert f"removing {disk}/user/{abandoned}, left by job {first}" in lab.output(second)
    assert abandoned not in left("node1")


def test_jobs_of_one_name_in_two_folders_are_two_runs(cluster: Cluster) -> None:
    for name in ("eins", "zwei"):
        (cluster.here / name).mkdir(exist_ok=True)
        (cluster.here / name).chmod(0o777)
    script = cluster.script("same", program(cluster, "wait", run_id="same", nodes=1), Site())
    outs = {name: str(cluster.there / name) for name in ("eins", "zwei")}
    jobs = {name: cluster.submit(script, knobs={"PERCH_OUT": out}) for name, out in outs.items()}
    for job in jobs.values():
        cluster.says(job, "trials at work")
    rows = view(cluster).splitlines()
    for name, job in jobs.items():
        [row] = [row for row in rows if f"job {job} running" in row]
        assert row.startswith(f"{outs[name]}/same: ")
    cluster.run("scancel", "--batch", "--signal=USR1", jobs["eins"])
    cluster.says(jobs["eins"], "driver: state saved", timeout_s=30)


def test_an_interrupted_run_says_how_its_job_is_submitted_again(cluster: Cluster) -> None:
    shutil.copy(HERE / "slow_hill.py", cluster.here / "slow_hill.py")
    (cluster.here / "again.yaml").write_text(STUDY)
    path = str(cluster.there / "again.yaml")
    job = Job(
        "again",
        ("run", path, *RUN),
        cpus_per_node=1,
        memory="2G",
        time="00:15:00",
        needed=(path,),
        code=str(cluster.there),
    )
    script = cluster.script("again", job, Site(requeue=False))
    first = cluster.submit(script)
    cluster.until(lambda: ended(cluster, "again") >= 1, "a trial", timeout_s=300)
    cluster.run("scancel", "--batch", "--signal=USR1", first)
    assert cluster.wait(first, timeout_s=120) == 75, cluster.outputs()
    resume = next(line for line in cluster.output(first).splitlines() if line.startswith("  resume:"))
    command = resume.removeprefix("  resume:  ")
    assert f"sbatch {script}" in command
    second = cluster.run("bash", "-c", command).split()[-1]
    cluster.jobs.append(second)
    assert cluster.wait(second, timeout_s=400) == 0, cluster.outputs()
    assert trials(cluster, "again")["status"].tolist() == ["completed"] * 12


def test_a_script_is_refused_before_it_is_queued(cluster: Cluster) -> None:
    _, there = odd_folder(cluster)
    study, out = str(there / "Studie ä.yaml"), str(cluster.there / "job.sbatch")

    def script(*words: str) -> str:
        line = [*words, study, "--time", "08:00:00", "--site", str(there / "cluster.yaml")]
        return apptainer(cluster, "slurm", "script", *line, after=f" > {out} 2>&1; echo code $?")

    assert "code 0" in script("--code", str(there))
    assert "unchecked" not in (cluster.here / "job.sbatch").read_text()
    assert "#SBATCH --time=08:00:00" in (cluster.here / "job.sbatch").read_text()
    (cluster.here / "empty").mkdir(exist_ok=True)
    for folder, said in (("empty", "cannot be imported"), ("no_such_dir", "is not there")):
        if folder == "empty":
            podman(
                "exec", "slurm-head", "mv", str(there / "slow_hill.py"), str(cluster.there / "moved.py"), check=False
            )
        assert "code 2" in script("--code", str(cluster.there / folder))
        assert said in (cluster.here / "job.sbatch").read_text()
