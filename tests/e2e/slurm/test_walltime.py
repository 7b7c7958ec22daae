"""Walltimes shorter than one trial: it finishes all the same, and what is trained twice is bounded."""

from __future__ import annotations

import json
from pathlib import Path

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
    """Results that the run has reported, of all attempts."""
    events = (cluster.here / "results" / run_id / "events").glob("*")
    return sum(path.read_text(errors="ignore").count('"e":"result"') for path in events)


def attempts(cluster: Cluster, run_id: str) -> int:
    """How often the run was started."""
    return len(list((cluster.here / "results" / run_id / "events").glob("*.jsonl")))


def summary(cluster: Cluster, run_id: str) -> dict[str, float]:
    """What the run says of itself at its end."""
    content: dict[str, float] = json.loads((cluster.here / "results" / run_id / "summary.json").read_text())
    return content


def trained_twice(folder: Path) -> list[int]:
    """Reported epochs that each restart has trained again: from its checkpoint to the last that was reported before."""
    last, again = 0, []
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            event = json.loads(line)
            if event["e"] == "start" and path.stem != "001":
                again.append(last - event["from"]["epoch"])
            last = event["epoch"] if event["e"] == "result" else last
    return again


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
    unsaved = INSURED_S // EPOCH_S + 1  # the interval, and the epoch during which the save is made
    again = trained_twice(cluster.here / "results" / "killed" / "events")
    print(f"3 kills, reported epochs trained twice: {again}")
    assert len(again) == 3
    assert max(again) <= unsaved, "no more than was not insured"
    assert sum(again) >= 1, "the first kill comes before a save"
    assert attempts(cluster, "killed") == 4
    assert reported(cluster, "killed") == EPOCHS, "an epoch that was reported is not reported again"
