"""Nodes that vanish, and other users of the same node."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from tests.e2e.slurm.cluster import Cluster, podman, program

from perch.clusters.slurm.site import Site

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(600)]


def test_a_lost_worker_does_not_end_the_job(mended: Cluster) -> None:
    cluster = mended
    flag = cluster.here / "enough"
    flag.unlink(missing_ok=True)
    words = ("until", str(cluster.there / "enough"), "1")
    job = cluster.submit(cluster.script("worker", program(cluster, *words, run_id="worker"), Site()))
    cluster.says(job, "trials at work")
    podman("kill", "slurm-node2")
    cluster.says(job, "node 1 (node2) is gone", timeout_s=60)
    cluster.until(lambda: "DOWN" in cluster.run("sinfo", "-h", "-n", "node2", "-o", "%T").upper(), "Slurm noticing")
    assert cluster.state(job) == "RUNNING"
    flag.touch()
    assert cluster.wait(job) == 0, cluster.outputs()
    assert "driver: 1 nodes at the end" in cluster.output(job)


def test_a_lost_head_puts_the_job_back(mended: Cluster) -> None:
    cluster = mended
    job = cluster.submit(cluster.script("head", program(cluster, "wait", run_id="head"), Site()))
    cluster.says(job, "trials at work")
    podman("kill", "slurm-node1")
    cluster.until(lambda: cluster.show(job)["Restarts"] == "1", "the restart")
    cluster.mend()
    cluster.start_again(job)
    log = cluster.here / "results" / "head.slurm" / job / "logs-1"
    cluster.until(lambda: any(log.glob("0-*/driver.log")), "the second start", timeout_s=240)


@pytest.fixture
def stranger(lab: Cluster) -> Iterator[str]:
    """A second user on all nodes."""
    for host in ("head", "node1", "node2"):
        podman("exec", f"slurm-{host}", "useradd", "-m", "-u", "2000", "stranger", check=False)
    yield "stranger"


def ask(node: str, user: str, url: str) -> str:
    """The status of a web page, fetched on a node by a user."""
    code = f"""
import urllib.error, urllib.request
try:
    print(urllib.request.urlopen({url!r}, timeout=10).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""
    return podman("exec", "-u", user, f"slurm-{node}", "python3", "-c", code).stdout.strip()


def test_another_user_reaches_nothing_of_the_job(lab: Cluster, stranger: str) -> None:
    job = lab.submit(
        lab.script("closed", program(lab, "wait", run_id="closed", nodes=1), Site()),
        "-w",
        "node1",
        knobs={"PERCH_DASHBOARD": "1"},
    )
    lab.says(job, "trials at work")
    folder = lab.here / "results" / "closed.slurm" / job
    lab.until((folder / "tensorboard.url").exists, "TensorBoard")
    assert (folder / "tensorboard.url").stat().st_mode & 0o077 == 0
    inside = lab.there / "results" / "closed.slurm" / job
    for name in ("token", "tensorboard.url", "head-0.json"):
        assert podman("exec", "-u", stranger, "slurm-node1", "cat", str(inside / name), check=False).returncode != 0
    url = (folder / "tensorboard.url").read_text().strip()
    assert ask("node1", "user", url) == "200"
    root = "/".join(url.split("/")[:3]) + "/"
    assert ask("node1", stranger, root) == "404"
    dashboard = (
        next(line for line in lab.output(job).splitlines() if "Ray's dashboard" in line).split("http://")[1].split()[0]
    )
    assert ask("node1", stranger, f"http://{dashboard}/api/v0/nodes") in ("401", "403")
    prefix = url.split("/")[3]
    listing = podman("exec", "-u", stranger, "slurm-node1", "ps", "-eo", "args").stdout
    assert prefix not in listing
    assert (folder / "token").read_text().strip() not in listing


def test_two_users_share_a_node(lab: Cluster, stranger: str) -> None:
    mine = lab.submit(lab.script("mine", program(lab, "wait", run_id="mine", nodes=1), Site()), "-w", "node1")
    lab.says(mine, "trials at work")
    script = lab.script("theirs", program(lab, "exit", "0", run_id="theirs", nodes=1), Site())
    where = f"/tmp/{stranger}"
    podman("exec", "-u", stranger, "slurm-node1", "mkdir", "-p", where)
    podman("exec", "-u", stranger, "slurm-head", "mkdir", "-p", where)
    (lab.here / "theirs").mkdir(exist_ok=True)
    (lab.here / "theirs").chmod(0o777)
    out = lab.there / "theirs"
    line = [
        "exec",
        "-u",
        stranger,
        "-w",
        str(out),
        "slurm-head",
        "env",
        f"PERCH_SIF={lab.sif}",
        f"PERCH_OUT={out}",
        f"PERCH_BINDS={lab.binds()}",
    ]
    done = podman(*line, "sbatch", "-w", "node1", str(script))
    theirs = done.stdout.split()[-1]
    lab.jobs.append(theirs)
    began = time.monotonic()
    assert lab.wait(theirs) == 0, (lab.here / "theirs" / f"perch-theirs-{theirs}.out").read_text()
    assert time.monotonic() - began < 120
    assert lab.state(mine) == "RUNNING"
