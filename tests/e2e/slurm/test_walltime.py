"""Walltimes shorter than one trial: it finishes all the same, and what is trained twice is bounded."""

from __future__ import annotations

import json

import pytest
from tests.e2e.slurm.cluster import ENDED, Cluster
from tests.e2e.slurm.hill import study, trials

from perch.clusters.slurm.site import Site

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(1500)]

EPOCH_S, EPOCHS, INSURED_S = 4, 60, 12
STUDY = f"""
name: long-hill
trainable: slow_hill:LongHill
space: {{x: {{float: [0, 1]}}}}
metric: loss
strategy: rs
epochs: {EPOCHS}
seed: 4
budget: {{trials: 1}}
confirm: {{top: 0, seeds: 1}}
checkpoints: {{insure: {INSURED_S}s}}
log: []
"""
"""One trial of four minutes."""

SITE = Site(warning_s=30)
"""Told half a minute before the end; Slurm may do so up to a minute earlier."""


def reported(cluster: Cluster, run_id: str) -> int:
    """Epochs that the run has reported, of all attempts; those trained twice count twice."""
    events = (cluster.here / "results" / run_id / "events").glob("*")
    return sum(path.read_text(errors="ignore").count('"e":"result"') for path in events)


def attempts(cluster: Cluster, run_id: str) -> int:
    """How often the run was started."""
    return len(list((cluster.here / "results" / run_id / "events").glob("*.jsonl")))


def summary(cluster: Cluster, run_id: str) -> dict[str, float]:
    """What the run says of itself at its end."""
    content: dict[str, float] = json.loads((cluster.here / "results" / run_id / "summary.json").read_text())
    return content


def finished_trial(cluster: Cluster, run_id: str) -> None:
    """The one trial is there, whole."""
    table = trials(cluster, run_id)
    assert table["status"].tolist() == ["completed"]
    assert table["epochs"].tolist() == [EPOCHS]


def test_a_job_of_two_minutes_finishes_a_trial_of_four_by_putting_itself_back(cluster: Cluster) -> None:
    script = study(cluster, "walltime", STUDY, nodes=1, time="00:02:00", site=SITE)
    job = cluster.submit(script)
    restarts = 0
    while cluster.state(job) not in ENDED:
        restarts += 1
        assert restarts < 8, cluster.outputs()
        cluster.until(
            lambda n=restarts: int(cluster.show(job)["Restarts"]) >= n or cluster.state(job) in ENDED,
            f"restart {restarts} or the end",
        )
        if cluster.state(job) not in ENDED:
            cluster.start_again(job, restarts)
    assert cluster.wait(job) == 0, cluster.outputs()
    restarts = int(cluster.show(job)["Restarts"])
    assert restarts >= 2, "a trial of four minutes does not fit into two jobs of two"
    finished_trial(cluster, "walltime")
    found = summary(cluster, "walltime")
    print(f"{restarts} restarts, {found['redone_epochs']} epochs ({found['redone_s']:.1f} s) trained twice")
    assert attempts(cluster, "walltime") == restarts + 1
    assert found["redone_epochs"] == 0, "the warning leaves time to end the epoch and to save it"
    assert found["redone_s"] <= restarts * EPOCH_S, "at most an epoch that was cut off, each time"


def test_a_chain_whose_jobs_are_killed_without_a_word_finishes_too(lab: Cluster) -> None:
    cluster = lab
    script = study(cluster, "killed", STUDY, nodes=1, time="00:10:00", site=Site(warning_s=30, requeue=False))
    output = cluster.chain(script, 4)
    links = [line.split()[-1] for line in output.splitlines() if line.startswith("Submitted")]
    assert len(links) == 4
    for number, link in enumerate(links[:3], start=1):
        before = reported(cluster, "killed")  # an odd number of epochs more: it saves at least after every second one
        cluster.until(lambda n=before: reported(cluster, "killed") >= n + 13, f"thirteen epochs of link {number}")
        cluster.kill(link)
        assert cluster.wait(link, timeout_s=240) not in (0, 75), cluster.outputs()
    assert cluster.wait(links[3], timeout_s=600) == 0, cluster.outputs()
    finished_trial(cluster, "killed")
    found = summary(cluster, "killed")
    print(f"3 kills, {found['redone_epochs']} reported epochs ({found['redone_s']:.1f} s) trained twice")
    unsaved = INSURED_S // EPOCH_S + 1  # the interval, and the epoch during which the save is made
    assert attempts(cluster, "killed") == 4
    assert 0 < found["redone_epochs"] <= 3 * unsaved, "no more than was not insured"
    assert reported(cluster, "killed") == EPOCHS + found["redone_epochs"]
