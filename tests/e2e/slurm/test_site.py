"""What a site or a user switches on: copies on the node's own disk, arrays of studies, the queue's view, a clean stop."""

from __future__ import annotations

import json
import shlex
import shutil
from dataclasses import replace

import pytest
from tests.e2e.slurm.cluster import REPOSITORY, Cluster, podman, program
from tests.e2e.slurm.hill import STUDY, ended, study, trials

from perch.clusters.slurm.site import Site
from perch.clusters.slurm.status import SQUEUE_FORMAT

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(900)]


def staged(cluster: Cluster, node: str) -> list[str]:
    """Files in the user's folder of copies on a node's own disk."""
    inside = "ls /tmp/perch-stage-$(id -u)"
    listing = podman("exec", "-u", "user", f"slurm-{node}", "sh", "-c", inside, check=False).stdout.split()
    return [name for name in listing if not name.endswith(".lock")]


def apptainer(cluster: Cluster, *words: str, before: str = "", after: str = "") -> str:
    """``before apptainer run perch.sif WORDS after`` as a user types it on the login node."""
    options = ["--cleanenv", "--no-home"] + [word for path in cluster.binds().splitlines() for word in ("--bind", path)]
    return cluster.run(
        "bash",
        "-c",
        before + shlex.join(["apptainer", "run", *options, str(cluster.sif), *words]) + after,
        timeout_s=120,
    )


def view(cluster: Cluster) -> str:
    """The queue joined with the runs."""
    queue = f"squeue -h --me -o {shlex.quote(SQUEUE_FORMAT)} | "
    return apptainer(cluster, "slurm", "status", "-", "--out", str(cluster.there / "results"), before=queue)


def test_image_and_data_are_copied_once_per_node(lab: Cluster) -> None:
    cluster = lab
    for node in ("node1", "node2"):
        podman("exec", f"slurm-{node}", "sh", "-c", "rm -rf /tmp/perch-stage-*")
    (cluster.here / "data.txt").write_text("from the shared disk\n")
    data = cluster.there / "data.txt"
    reads = f"print(open({str(data)!r}).read(), [line.split()[4] for line in open('/proc/self/mountinfo') if 'data.txt' in line])"
    for _ in range(2):
        job = cluster.submit(
            cluster.script("stage", program(cluster, "exit", "0", run_id="stage"), Site()),
            knobs={"PERCH_STAGE": "1", "PERCH_STAGE_DATA": str(data)},
        )
        assert cluster.wait(job, timeout_s=600) == 0, cluster.outputs()
        assert "driver: 2 nodes" in cluster.output(job)
        for node in ("node1", "node2"):
            assert sorted(name.split("-")[-1] for name in staged(cluster, node)) == ["data.txt", "perch.sif"]
    look = replace(program(cluster, run_id="look", nodes=1), command=("python", "-c", reads))
    job = cluster.submit(
        cluster.script("look", look, Site()), knobs={"PERCH_STAGE": "1", "PERCH_STAGE_DATA": str(data)}
    )
    assert cluster.wait(job, timeout_s=300) == 0, cluster.outputs()
    assert "from the shared disk" in cluster.output(job)
    assert str(data) in cluster.output(job).split("from the shared disk")[1], "it is bound where the original lies"
    for node in ("node1", "node2"):
        podman("exec", f"slurm-{node}", "sh", "-c", "rm -rf /tmp/perch-stage-*")


def test_an_array_runs_independent_studies(cluster: Cluster) -> None:
    study(cluster, "adsorption", STUDY.replace("trials: 12", "trials: 4"))
    shutil.copy(REPOSITORY / "apptainer" / "array.sbatch", cluster.here / "array.sbatch")
    path = str(cluster.there / "adsorption.yaml")
    (cluster.here / "studies.txt").write_text(f"run {path} --seed 5\nrun {path} --seed 6\n")
    job = cluster.submit(
        cluster.there / "array.sbatch", "--array=0-1", "--cpus-per-task=1", "--mem=2G", "--time=10",
        knobs={"PERCH_STUDY_LIST": str(cluster.there / "studies.txt"), "PERCH_CODE_DIR": str(cluster.there)},
    )  # fmt: skip
    names = ["adsorption-0", "adsorption-1"]
    for name in names:
        cluster.until(lambda n=name: ended(cluster, n) >= 1, f"a trial of {name}", timeout_s=600)
        row = next((line for line in view(cluster).splitlines() if line.startswith(f"{name}:")), "")
        assert f"job {job}_{name[-1]} running" in row, "each task is joined with its own run"
    cluster.until(lambda: job not in cluster.run("squeue", "-h", "-o", "%F"), "the end of the array", timeout_s=300)
    tables = [trials(cluster, name) for name in names]
    assert all(table["status"].tolist() == ["completed"] * 4 for table in tables)
    assert tables[0]["best_value"].tolist() != tables[1]["best_value"].tolist(), "each has its own seed"


def test_the_queues_view_is_joined_with_the_runs_and_a_stop_ends_it(cluster: Cluster) -> None:
    job = cluster.submit(study(cluster, "watched", nodes=1))
    cluster.until(lambda: ended(cluster, "watched") >= 1, "one trial", timeout_s=400)
    row = next(line for line in view(cluster).splitlines() if line.startswith("watched:"))
    assert f"job {job} running" in row
    apptainer(cluster, "slurm", "stop", str(cluster.there / "results" / "watched"))
    assert cluster.wait(job, timeout_s=120) == 75, cluster.outputs()
    assert cluster.show(job)["Restarts"] == "0", "a stop by its user is no reason to go on"
    summary = json.loads((cluster.here / "results" / "watched" / "summary.json").read_text())
    assert summary["status"] == "interrupted"
