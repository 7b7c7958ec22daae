"""``helm install`` to a finished study: state, scalars in TensorBoard, ``helm test``, an upgrade, an uninstall that leaves the claim."""

from __future__ import annotations

import json
import logging
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.e2e.kind.kit import Kit, scalars

from perch.clusters.kubernetes.control import Run

pytestmark = [pytest.mark.kind, pytest.mark.timeout(1800)]
log = logging.getLogger("e2e")
SHORT = ("--set", "trials=4", "--set-json", 'set={"epochs": 3, "confirm.top": 0}')
FIRST_TRIAL_S = 60


@pytest.fixture(scope="module")
def finished(kit: Kit) -> Kit:
    """A study that the chart ran to its end; everything below looks at what it did and left."""
    started = datetime.now(UTC)
    notes = kit.install("smoke", *SHORT)
    assert "The run 'smoke' is on its way" in notes
    head = kit.pod("smoke", "head", seconds=900)

    def first_trial() -> float | None:
        script = 'cat /results/smoke/events/*.jsonl 2>/dev/null | grep -m1 \'"e":"start"\' && date +%s.%N'
        found = kit.shell(head, script, check=False).strip().splitlines()
        return float(found[-1]) if len(found) == 2 else None

    began = kit.until("the first trial", first_trial, seconds=600)
    log.info("helm install to first trial: %.1f s", began - started.timestamp())
    waited_for_the_head(kit)
    status = kit.finished("smoke")
    assert status.succeeded, status.message
    return kit


def waited_for_the_head(kit: Kit) -> None:
    """The operator's init container, fixed at 256 MiB and a fifth of a CPU, found the head with the image's own Ray."""
    selector = "app.kubernetes.io/instance=smoke,app.kubernetes.io/component=worker"
    worker = kit.get("pods", selector=selector)["items"][0]
    wait = next(c for c in worker["spec"]["initContainers"] if c["name"] == "wait-gcs-ready")
    status = next(c for c in worker["status"]["initContainerStatuses"] if c["name"] == "wait-gcs-ready")
    ended = status["state"]["terminated"]
    seconds = datetime.fromisoformat(ended["finishedAt"]) - datetime.fromisoformat(ended["startedAt"])
    assert wait["resources"]["limits"] == {"cpu": "200m", "memory": "256Mi"}
    assert (ended["exitCode"], status["restartCount"]) == (0, 0)
    log.info("ray health-check under 256 MiB and 0.2 CPU: the head was found after %.0f s", seconds.total_seconds())


def test_the_job_succeeded_on_restricted_pods(finished: Kit) -> None:
    for pod in finished.get("pods", selector="app.kubernetes.io/instance=smoke")["items"]:
        containers = [*pod["spec"]["containers"], *pod["spec"].get("initContainers", [])]
        assert all(c["securityContext"]["readOnlyRootFilesystem"] for c in containers)
        assert pod["spec"]["automountServiceAccountToken"] is False


def test_workers_go_at_once_and_the_head_stays(finished: Kit) -> None:
    selector = "app.kubernetes.io/instance=smoke,app.kubernetes.io/component=worker"
    finished.until("no workers", lambda: not finished.get("pods", selector=selector)["items"], seconds=120)
    assert finished.pod("smoke", "head")


def test_tensorboard_shows_scalars_through_a_port_forward(finished: Kit) -> None:
    with finished.port_forward("svc/smoke-perch-tensorboard", 6006) as board:
        tags = finished.until("scalars", lambda: scalars(board), seconds=120)
    assert any("validation_mae_ev" in tag for each in tags.values() for tag in each)


def test_the_dashboard_asks_for_the_token(finished: Kit) -> None:
    import urllib.error
    import urllib.request

    head = finished.pod("smoke", "head")
    with finished.port_forward(f"pod/{head}", 8265) as dashboard:
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"{dashboard}/api/jobs/", timeout=20)
        secret = finished.get("raycluster", selector="app.kubernetes.io/instance=smoke")["items"][0]["metadata"]["name"]
        import base64

        token = base64.b64decode(finished.get("secret", secret)["data"]["auth_token"]).decode()
        asked = urllib.request.Request(f"{dashboard}/api/jobs/", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(asked, timeout=20) as answer:
            assert json.load(answer)[0]["status"] == "SUCCEEDED"


def test_the_drivers_log_is_seen_and_kept(finished: Kit) -> None:
    run = Run(finished.api_client, "smoke", finished.namespace)
    assert any("perch" in line or "trial" in line for line in run.logs(follow=False))


def test_helm_test_passes(finished: Kit) -> None:
    assert "Phase:          Succeeded" in finished.helm("test", "smoke", seconds=300)


def test_an_upgrade_that_changes_nothing_works_and_another_is_refused(finished: Kit) -> None:
    assert "STATUS: deployed" in finished.install("smoke", *SHORT, verb="upgrade")
    refused = finished.install("smoke", *SHORT, "--set", "trials=5", verb="upgrade", check=False)
    assert "the run 'smoke' has ended (Complete), and these values differ" in refused
    assert "fix: for more budget" in refused


def test_fetch_brings_tables_and_report(finished: Kit, tmp_path: Path) -> None:
    files = Run(finished.api_client, "smoke", finished.namespace).fetch(tmp_path / "smoke")
    names = {str(path.relative_to(tmp_path / "smoke")) for path in files}
    assert {"summary.json", "trials.parquet", "curves.parquet", "study.yaml"} <= names
    assert json.loads((tmp_path / "smoke" / "summary.json").read_text())["trials"] == 4


def test_uninstalling_leaves_the_claim_alone(finished: Kit) -> None:
    """Runs last: and the same run id, installed again, ends at once."""
    finished.helm("uninstall", "smoke", "--wait", "--timeout", "120s")
    kinds = "rayjobs,rayclusters,pods,services,configmaps,serviceaccounts,secrets,networkpolicies,poddisruptionbudgets"

    def left() -> list[str]:
        names = finished.kubectl("get", kinds, "-o", "name").split()
        return [name for name in names if name not in {"configmap/kube-root-ca.crt", "serviceaccount/default"}]

    finished.until("nothing left", lambda: not left(), seconds=120)
    assert finished.kubectl("get", "pvc", "-o", "name").split() == ["persistentvolumeclaim/smoke-perch-results"]
    start = time.monotonic()
    finished.install("smoke", *SHORT, "--set", "storage.existingClaim=smoke-perch-results")
    assert finished.finished("smoke").succeeded
    log.info("a finished run, installed again: done after %.0f s", time.monotonic() - start)
    finished.helm("uninstall", "smoke", "--wait", "--timeout", "120s")
