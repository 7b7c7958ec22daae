"""A study on Slurm whose trainable is the user's own (``slow_hill.py``): its batch script, and what its run has written."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
from tests.e2e.slurm.cluster import Cluster, podman

from perch.clusters.slurm.job import RUN, Job
from perch.clusters.slurm.site import Site

STUDY = """
name: hill
trainable: slow_hill:SlowHill
space: {x: {float: [0, 1]}}
metric: loss
strategy: rs
epochs: 12
seed: 4
budget: {trials: 12}
confirm: {top: 0, seeds: 1}
log: []
"""


def study(
    cluster: Cluster,
    run_id: str,
    text: str = STUDY,
    nodes: int = 2,
    time: str = "00:20:00",
    site: Site | None = None,
) -> Path:
    """A batch script for the study; a fresh run."""
    shutil.copy(Path(__file__).parent / "slow_hill.py", cluster.here / "slow_hill.py")
    (cluster.here / f"{run_id}.yaml").write_text(text)
    for folder in (cluster.here / "results").glob(f"{run_id}*"):
        podman(
            "exec", "slurm-head", "rm", "-rf", str(cluster.there / "results" / folder.name)
        ) if cluster.is_lab else None
    path = str(cluster.there / f"{run_id}.yaml")
    command = ("run", path, *RUN)
    job = Job(
        run_id,
        command,
        nodes=nodes,
        cpus_per_node=1,
        memory="2G",
        time=time,
        needed=(path,),
        code=str(cluster.there),
    )
    return cluster.script(run_id, job, site or Site())


def trials(cluster: Cluster, run_id: str) -> pd.DataFrame:
    """The run's table; empty before there is one."""
    path = cluster.here / "results" / run_id / "trials.parquet"
    return pd.read_parquet(path) if path.exists() else pd.DataFrame({"trial_id": [], "status": []})


def ended(cluster: Cluster, run_id: str) -> int:
    """Trials that have reached their last epoch, by the events as they are written."""
    events = (cluster.here / "results" / run_id / "events").glob("*")
    return sum(path.read_text(errors="ignore").count('"epoch":12,') for path in events)
