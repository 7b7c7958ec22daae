"""The launcher on a real Slurm: two nodes join, codes pass through, the end is quick, two jobs share a node, bad input."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from tests.e2e.slurm.cluster import Cluster, program
from tests.patience import slowdown

from perch.clusters.slurm.site import Site

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(600)]


def test_two_nodes_join_and_the_drivers_code_is_the_jobs(cluster: Cluster) -> None:
    job = cluster.submit(cluster.script("code", program(cluster, "exit", "7", gpus=2), Site()))
    assert cluster.wait(job) == 7, cluster.outputs()
    assert "driver: 2 nodes, 2 CPUs, 4 GPUs, 2 trials at work" in cluster.output(job)
    folder = cluster.here / "results" / "launch.slurm" / job
    assert {path.name for path in (folder / "logs-0").iterdir()} == {"0-node1", "1-node2"} or not cluster.is_lab
    assert all((node / "ray.log").stat().st_size for node in (folder / "logs-0").iterdir())
    assert any((folder / "logs-0").glob("*/ray/raylet.out"))
    assert (folder / "token").stat().st_mode & 0o077 == 0
    secret = (folder / "token").read_text().strip()
    assert secret not in cluster.output(job)


def test_the_end_is_quick_while_trials_run(cluster: Cluster) -> None:
    job = cluster.submit(cluster.script("end", program(cluster, "exit", "0"), Site()))
    assert cluster.wait(job) == 0, cluster.outputs()
    ended = [float(text) for text in re.findall(r"ended in (\d+\.\d) s", cluster.output(job))]
    assert len(ended) == 2
    assert max(ended) <= 5 * slowdown()


def test_a_signal_to_the_batch_shell_saves_and_puts_the_job_back(cluster: Cluster) -> None:
    job = cluster.submit(cluster.script("requeue", program(cluster, "wait", run_id="requeue"), Site()))
    cluster.says(job, "trials at work")
    cluster.run("scancel", "--batch", "--signal=USR1", job)
    cluster.says(job, "driver: state saved", timeout_s=10)
    cluster.says(job, "back into the queue")
    cluster.start_again(job)
    folder = cluster.here / "results" / "requeue.slurm" / job
    cluster.until((folder / "logs-1" / "0-node1" / "driver.log").exists, "the second start's log", timeout_s=240)
    assert (folder / "logs-0" / "0-node1" / "driver.log").exists()


def test_two_jobs_on_one_node_do_not_meet(cluster: Cluster) -> None:
    place = ["--nodelist=node1"] if cluster.is_lab else []
    first = program(cluster, "wait", run_id="first", nodes=1)
    stays = cluster.submit(cluster.script("first", first, Site()), *place)
    cluster.says(stays, "trials at work")
    second = program(cluster, "exit", "0", run_id="second", nodes=1)
    goes = cluster.submit(cluster.script("second", second, Site()), *place)
    assert cluster.wait(goes) == 0, cluster.outputs()
    assert "driver: 1 nodes, 1 CPUs" in cluster.output(goes)
    assert cluster.state(stays) == "RUNNING"
    tokens = {
        (cluster.here / "results" / f"{run}.slurm" / job / "token").read_text()
        for run, job in (("first", stays), ("second", goes))
    }
    assert len(tokens) == 2
    cluster.run("scancel", "--batch", "--signal=USR1", stays)
    cluster.says(stays, "driver: state saved", timeout_s=20)


BAD: dict[str, tuple[Callable[[Cluster], dict[str, str]], str]] = {
    "no SIF": (lambda c: {"PERCH_SIF": str(c.there / "no.sif")}, "no.sif' cannot be read"),
    "no SIF at all": (lambda c: {"PERCH_SIF": str(c.there / "driver.py")}, "cannot run"),
    "interface": (lambda c: {"PERCH_INTERFACE": "ib7"}, "no network interface 'ib7'"),
    "study not visible": (lambda c: {"PERCH_NEEDED": "/root/study.yaml"}, "'/root/study.yaml' cannot be read"),
    "folder not shared": (lambda c: {"PERCH_OUT": "/tmp/perch-e2e-not-shared"}, "is not seen"),
    "runtime": (lambda c: {"PERCH_RUNTIME": "no-runtime"}, "no 'no-runtime' here"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_ends_the_job_within_20_s(cluster: Cluster, case: str) -> None:
    knobs, said = BAD[case]
    began = time.monotonic()
    job = cluster.submit(
        cluster.script("bad", program(cluster, "exit", "0", run_id="bad"), Site()), knobs=knobs(cluster)
    )
    assert cluster.wait(job, timeout_s=60) == 2, cluster.outputs()
    assert time.monotonic() - began < 20
    assert said in cluster.output(job)
    assert "fix:" in cluster.output(job)


def test_more_gpus_than_a_node_shows(cluster: Cluster) -> None:
    script = cluster.script("gpus", program(cluster, "exit", "0", run_id="gpus", gpus=1), Site())
    job = cluster.submit(script, knobs={"PERCH_GPUS_PER_NODE": "3"})
    assert cluster.wait(job, timeout_s=90) == 2, cluster.outputs()
    assert "shows 1 GPUs to this job, 3 are needed" in cluster.output(job)
