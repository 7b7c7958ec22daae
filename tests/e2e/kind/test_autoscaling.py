"""Ray's autoscaler on Kubernetes: workers come while trials wait for room, trials use them, and they go with the trials."""

from __future__ import annotations

import logging
from pathlib import Path

import pandas as pd
import pytest
from tests.e2e.kind.kit import Kit

from perch.clusters.kubernetes.control import Run

pytestmark = [pytest.mark.kind, pytest.mark.timeout(2400)]
log = logging.getLogger("e2e")
MOST = 3
"""Workers that the group may have; it begins with one."""
SETTINGS = (
    "--set", "trials=16,timeBudget=40m",
    "--set", "autoscaling.enabled=true,autoscaling.idleTimeoutSeconds=20",
    "--set", f"workerGroups[0].replicas=1,workerGroups[0].minReplicas=0,workerGroups[0].maxReplicas={MOST}",
    "--set-json", 'set={"epochs": 27, "strategy": "rs", "confirm.top": 0}',
)  # fmt: skip


def ready_workers(kit: Kit, release: str) -> int:
    """Worker pods that are ready and are not leaving."""
    selector = f"app.kubernetes.io/instance={release},app.kubernetes.io/component=worker"
    pods = kit.get("pods", selector=selector)["items"]
    ready = [{c["type"]: c["status"] for c in p["status"].get("conditions", [])}.get("Ready") for p in pods]
    return sum(now == "True" and "deletionTimestamp" not in p["metadata"] for now, p in zip(ready, pods, strict=True))


def most_at_once(trials: pd.DataFrame) -> int:
    """How many trials trained at the same moment, at most."""
    changes = sorted([(t, 1) for t in trials["start_s"]] + [(t, -1) for t in trials["end_s"]])
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


def test_workers_come_while_trials_wait_and_trials_use_them(kit: Kit, tmp_path: Path) -> None:
    kit.install("elastic", *SETTINGS)
    kit.until("the first worker", lambda: ready_workers(kit, "elastic") >= 1, seconds=600)
    kit.until(f"{MOST} workers", lambda: ready_workers(kit, "elastic") == MOST, seconds=600)
    assert kit.finished("elastic", 1800).succeeded
    workers = "app.kubernetes.io/instance=elastic,app.kubernetes.io/component=worker"
    kit.until("no worker after the run", lambda: not kit.get("pods", selector=workers)["items"], seconds=300)
    Run(kit.api_client, "elastic", kit.namespace).fetch(tmp_path / "elastic")
    trials = pd.read_parquet(tmp_path / "elastic" / "trials.parquet")
    assert len(trials) == 16 and (trials["status"] == "completed").all()
    assert most_at_once(trials) == MOST, "one trial a worker"
    log.info("%d trials at once, %d lost workers", most_at_once(trials), int(trials["losses"].sum()))
    kit.helm("uninstall", "elastic", "--wait")
