"""Whole studies on a real Slurm: two nodes, a chain, lost nodes, preemption, failures. The trainable is the user's own."""

from __future__ import annotations

import json
import time

import pytest
from tests.e2e.slurm.cluster import Cluster, podman
from tests.e2e.slurm.hill import STUDY, ended, study, trials
from tests.patience import slowdown

from perch.clusters.slurm.job import Job
from perch.clusters.slurm.site import Site

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(1500)]


def outcome(cluster: Cluster, run_id: str) -> dict[str, tuple[str, int, float]]:
    """What a run found: status, epochs and best value of each trial."""
    table = trials(cluster, run_id)
    return {row.trial_id: (row.status, int(row.epochs), round(float(row.best_value), 9)) for row in table.itertuples()}


def saved_s(cluster: Cluster, run_id: str) -> float:
    """When the newest attempt logged its end: the last line of its file, after every checkpoint."""
    newest = max((cluster.here / "results" / run_id / "events").glob("*.jsonl"))
    assert '"e":"close"' in newest.read_text().splitlines()[-1]
    return newest.stat().st_mtime


def first_trial_s(cluster: Cluster, run_id: str) -> float:
    """When the first attempt placed its first trial."""
    lines = (cluster.here / "results" / run_id / "events" / "001.jsonl").read_text().splitlines()
    attempt, start = (next(e for e in map(json.loads, lines) if e["e"] == kind) for kind in ("attempt", "start"))
    return float(attempt["unix_s"] + start["used_s"] - attempt["used_s"])


@pytest.fixture(scope="module")
def one_long_job(session_cluster: Cluster) -> dict[str, tuple[str, int, float]]:
    """The campaign as one job that nobody disturbs."""
    job = session_cluster.submit(study(session_cluster, "long"))
    assert session_cluster.wait(job, timeout_s=900) == 0, session_cluster.outputs()
    found = outcome(session_cluster, "long")
    assert len(found) == 12
    return found


def test_a_study_on_two_nodes_with_the_users_own_trainable(
    cluster: Cluster, one_long_job: dict[str, tuple[str, int, float]]
) -> None:
    assert {status for status, _, _ in one_long_job.values()} == {"completed"}
    assert {epochs for _, epochs, _ in one_long_job.values()} == {12}
    done = cluster.run("squeue", "-h", "-o", "%i|%j|%T|%M|%l|%D|%R")
    assert "perch-long" not in done
    [job] = (folder.name for folder in (cluster.here / "results" / "long.slurm").iterdir() if folder.name.isdigit())
    began_s = float(cluster.run("date", "-d", cluster.show(job)["StartTime"], "+%s"))
    assert first_trial_s(cluster, "long") - began_s <= 25 * slowdown(), (
        "from the job's start to the first trial on a worker"
    )


def test_a_chain_of_three_short_jobs_is_the_same_campaign(
    cluster: Cluster, one_long_job: dict[str, tuple[str, int, float]]
) -> None:
    script = study(cluster, "chain")
    output = cluster.chain(script, 4)
    links = [line.split()[-1] for line in output.splitlines() if line.startswith("Submitted")]
    assert len(links) == 4
    for number, link in enumerate(links[:2], start=1):
        cluster.until(lambda n=number: ended(cluster, "chain") >= 3 * n, f"{3 * number} trials", timeout_s=400)
        told_s = time.time()
        cluster.run("scancel", "--batch", "--signal=USR1", link)
        assert cluster.wait(link, timeout_s=240) == 75, cluster.outputs()
        assert saved_s(cluster, "chain") - told_s <= 5 * slowdown(), "from the signal to a saved state"
    assert cluster.wait(links[2], timeout_s=600) == 0, cluster.outputs()
    assert cluster.wait(links[3], timeout_s=120) == 0
    assert "nothing to do" in cluster.output(links[3])
    assert outcome(cluster, "chain") == one_long_job


def test_preemption_costs_nothing_that_was_reported(
    cluster: Cluster, one_long_job: dict[str, tuple[str, int, float]]
) -> None:
    if not cluster.is_lab:
        pytest.skip("needs a partition that preempts another: only in the laboratory")
    low = cluster.submit(study(cluster, "preempted"), "--partition=preempt")
    cluster.until(lambda: ended(cluster, "preempted") >= 3, "three trials", timeout_s=400)
    high = Job("high", ("python", "-c", "print('higher')"), nodes=2, cpus_per_node=4, memory="6G", time="00:15:00")
    urgent = cluster.submit(cluster.script("high", high, Site()), "--partition=gpu")
    assert cluster.wait(urgent, timeout_s=240) == 0, cluster.outputs()
    cluster.start_again(low)
    assert cluster.wait(low, timeout_s=900) == 0, cluster.outputs()
    assert outcome(cluster, "preempted") == one_long_job


def test_a_worker_lost_in_the_middle_costs_only_time(
    mended: Cluster, one_long_job: dict[str, tuple[str, int, float]]
) -> None:
    cluster = mended
    job = cluster.submit(study(cluster, "worker-lost"))
    cluster.until(lambda: ended(cluster, "worker-lost") >= 3, "three trials", timeout_s=400)
    podman("kill", "slurm-node2")
    assert cluster.wait(job, timeout_s=900) == 0, cluster.outputs()
    assert "node 1 (node2) is gone" in cluster.output(job)
    assert outcome(cluster, "worker-lost") == one_long_job


def test_a_head_lost_in_the_middle_resumes(mended: Cluster, one_long_job: dict[str, tuple[str, int, float]]) -> None:
    cluster = mended
    job = cluster.submit(study(cluster, "head-lost"))
    cluster.until(lambda: ended(cluster, "head-lost") >= 3, "three trials", timeout_s=400)
    podman("kill", "slurm-node1")
    cluster.until(lambda: cluster.show(job)["Restarts"] == "1", "the restart", timeout_s=240)
    cluster.mend()
    cluster.start_again(job)
    assert cluster.wait(job, timeout_s=900) == 0, cluster.outputs()
    assert outcome(cluster, "head-lost") == one_long_job


def test_a_failing_study_ends_the_job_with_its_own_code(cluster: Cluster) -> None:
    text = STUDY.replace("slow_hill:SlowHill", "slow_hill:NoSuchThing")
    job = cluster.submit(study(cluster, "failing", text, nodes=1))
    assert cluster.wait(job, timeout_s=240) == 2, cluster.outputs()
    assert "NoSuchThing" in cluster.output(job)
    assert cluster.show(job)["Restarts"] == "0"
