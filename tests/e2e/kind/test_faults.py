"""Worker, head and operator go, the job is suspended, the release is removed: the study goes on from its event log."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException
from tests.e2e.kind.kit import Kit

from perch.clusters.kubernetes.control import Run

pytestmark = [pytest.mark.kind, pytest.mark.timeout(2400)]
log = logging.getLogger("e2e")
TRIALS = 14
LONG = ("--set", f"trials={TRIALS},timeBudget=40m", "--set-json", 'set={"epochs": 9, "confirm.top": 0}')
"""A study of a few minutes: long enough to be hit in the middle."""

Epoch = tuple[str, int, int]


def install(kit: Kit, release: str, *settings: str) -> None:
    kit.install(release, *LONG, *settings)


def results(kit: Kit, head: str, run_id: str) -> dict[Epoch, float]:
    """Return every reported value of a run so far."""
    events = kit.events(head, run_id)
    return {(e["id"], e["seg"], e["epoch"]): e["value"] for e in events if e["e"] == "result"}


def after(kit: Kit, release: str, count: int, seconds: float = 600) -> tuple[str, dict[Epoch, float]]:
    """Wait until a run has reported ``count`` epochs; return its head pod and them."""

    def look() -> tuple[str, dict[Epoch, float]] | None:
        head = kit.pod(release, "head", seconds=300, quiet=True)
        try:
            found = results(kit, head, release)
        except AssertionError:  # no folder yet, or the pod went between the two calls
            return None
        return (head, found) if len(found) >= count else None

    found: tuple[str, dict[Epoch, float]] = kit.until(f"{count} epochs of {release}", look, seconds)
    return found


def curves(kit: Kit, run_id: str, folder: Path) -> pd.DataFrame:
    """Return the learning curves of a run, fetched through the client."""
    Run(kit.api_client, run_id, kit.namespace).fetch(folder)
    return pd.read_parquet(folder / "curves.parquet")


def nothing_lost_nothing_doubled(table: pd.DataFrame, before: dict[Epoch, float]) -> None:
    """Every epoch reported before the fault is in the table with its value, and none is there twice."""
    assert not table.duplicated(["trial_id", "segment", "epoch"]).any()
    columns = [table[name].tolist() for name in ("trial_id", "segment", "epoch", "validation_mae_ev")]
    now = {(trial, segment, epoch): value for trial, segment, epoch, value in zip(*columns, strict=True)}
    missing = {key: value for key, value in before.items() if now.get(key) != pytest.approx(value)}
    assert missing == {}
    for _, trial in table[table["segment"] == 0].groupby("trial_id"):
        assert sorted(trial["epoch"]) == list(range(1, len(trial) + 1))


def test_worker_head_and_operator_go_and_the_study_goes_on(kit: Kit, tmp_path: Path) -> None:
    install(kit, "storm")
    head, _ = after(kit, "storm", 5)
    worker = kit.pod("storm", "worker")
    kit.kubectl("delete", "pod", worker, "--force", "--grace-period=0")
    log.info("worker %s deleted", worker)

    head, before = after(kit, "storm", 20)
    kit.kubectl("delete", "pod", head, "--force", "--grace-period=0")
    log.info("head %s deleted without warning", head)
    second = kit.pod("storm", "head", other_than=head, seconds=300)
    kit.call("kubectl", "-n", "kuberay-system", "rollout", "restart", "deployment/kuberay-operator")
    log.info("operator restarted")
    late = '{"e":"result","id":"00000","seg":0,"epoch":1,"value":-9.0,"d":"go"}'
    script = f"ls /results/storm/events/002.jsonl && echo '{late}' >> /results/storm/events/001.jsonl"
    kit.until("the second attempt", lambda: "002.jsonl" in kit.shell(second, script, check=False), 300)

    assert kit.finished("storm", 1500).succeeded
    table = curves(kit, "storm", tmp_path / "storm")
    nothing_lost_nothing_doubled(table, before)
    assert table["validation_mae_ev"].min() > 0, "the old head's late write was taken"
    summary = json.loads((tmp_path / "storm" / "summary.json").read_text())
    assert summary["trials"] == TRIALS
    kit.helm("uninstall", "storm", "--wait")


def test_a_head_that_must_go_saves_first(kit: Kit, tmp_path: Path) -> None:
    install(kit, "drained")
    head, before = after(kit, "drained", 10)
    kit.kubectl("delete", "pod", head)
    assert kit.jobs.get_job_status("drained", kit.namespace).word == "running", (
        "the operator took the farewell for the end"
    )
    second = kit.pod("drained", "head", other_than=head, seconds=420)
    closed = kit.until(
        "the first attempt's farewell",
        lambda: [e for e in kit.events(second, "drained") if e["e"] == "close"],
        seconds=120,
    )
    assert closed[0]["why"] == "interrupted"
    assert kit.finished("drained", 1500).succeeded
    nothing_lost_nothing_doubled(curves(kit, "drained", tmp_path / "drained"), before)
    kit.helm("uninstall", "drained", "--wait")


def test_suspended_and_resumed_in_the_middle(kit: Kit, tmp_path: Path) -> None:
    install(kit, "paused", "--set", "suspendable=true")
    _, before = after(kit, "paused", 10)
    kit.jobs.patch_job("paused", {"spec": {"suspend": True}}, kit.namespace)
    kit.until(
        "the suspension",
        lambda: kit.jobs.get_job_status("paused", kit.namespace).deployment == "Suspended",
        seconds=180,
    )
    selector = "app.kubernetes.io/instance=paused"
    kit.until("no pods", lambda: not kit.get("pods", selector=selector)["items"], seconds=180)
    kit.jobs.patch_job("paused", {"spec": {"suspend": False}}, kit.namespace)
    assert kit.finished("paused", 1500).succeeded
    nothing_lost_nothing_doubled(curves(kit, "paused", tmp_path / "paused"), before)
    kit.helm("uninstall", "paused", "--wait")


def test_the_head_is_not_evicted_and_workers_are(kit: Kit) -> None:
    install(kit, "evicted")
    head, worker = kit.pod("evicted", "head", seconds=300), kit.pod("evicted", "worker", seconds=300)
    core = client.CoreV1Api(kit.api_client)

    def evict(pod: str) -> Any:
        body = client.V1Eviction(metadata=client.V1ObjectMeta(name=pod, namespace=kit.namespace))
        return core.create_namespaced_pod_eviction(pod, kit.namespace, body)

    with pytest.raises(ApiException, match="429"):
        evict(head)
    evict(worker)
    start = time.monotonic()
    kit.helm("uninstall", "evicted", "--wait", "--timeout", "120s")
    selector = "app.kubernetes.io/instance=evicted"
    kit.until("no pods", lambda: not kit.get("pods", selector=selector)["items"], seconds=120)
    log.info("uninstalled while it ran: gone after %.0f s", time.monotonic() - start)
    assert "evicted" not in kit.kubectl("get", "rayjobs,rayclusters,secrets,services", "-o", "name")


def test_a_failing_study_fails_the_job_with_the_reason(kit: Kit) -> None:
    kit.install("wrong", "--set-json", 'set={"metric": "no_such_metric"}')
    status = kit.finished("wrong", 600)
    assert (status.deployment, status.reason) == ("Failed", "AppFailed")
    assert status.exit_code in {1, 2}
    assert "no_such_metric" in status.message
    kit.helm("uninstall", "wrong", "--wait")
