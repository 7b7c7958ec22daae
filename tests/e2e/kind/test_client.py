"""``perch k8s`` against a real cluster: without Helm, and with every way in which a run cannot start."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.e2e.kind.bring_up import ROOT
from tests.e2e.kind.kit import Kit

pytestmark = [pytest.mark.kind, pytest.mark.timeout(1800)]
log = logging.getLogger("e2e")
SMALL = ("--single-node", "--size", "2Gi")
STUDY = """\
name: small
strategy: rs
epochs: 3
budget: {trials: 40, time: 20m}
confirm: {top: 0}
"""


def perch(kit: Kit, *arguments: str, seconds: float = 900) -> subprocess.CompletedProcess[str]:
    """Run ``perch k8s`` as a user does."""
    command = [sys.executable, "-m", "perch.cli.main", "k8s", *arguments, "-n", kit.namespace]
    done = subprocess.run(
        command, capture_output=True, text=True, env=kit.cluster.environment, check=False, timeout=seconds
    )
    log.info("perch k8s %s: exit code %d", " ".join(arguments[:2]), done.returncode)
    return done


@pytest.fixture
def study(tmp_path: Path) -> str:
    path = tmp_path / "study.yaml"
    path.write_text(STUDY)
    return str(path)


@pytest.fixture(scope="module", autouse=True)
def small_manifest(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart's own rendering for small nodes, as --manifest takes it."""
    path = tmp_path_factory.mktemp("manifest") / "small.yaml"
    settings = "fullnameOverride=perch-run-id,run.id=perch-run-id,demo=false,trials=null,timeBudget="
    chart = ROOT / "charts" / "perch"
    values = ("-f", str(chart / "values-kind.yaml"), "--set", settings, "--set-json", 'study="name: x"', *kit.tree)
    rest = ("--skip-tests", "--kube-version", "1.34.0")
    path.write_text(kit.helm("template", "perch-run-id", str(chart), *values, *rest))
    return path


def test_submit_status_logs_stop_go_on_fetch(kit: Kit, study: str, small_manifest: Path, tmp_path: Path) -> None:
    send = (
        "submit",
        study,
        "--run-id",
        "sent",
        "--image",
        kit.cluster.image,
        "--manifest",
        str(small_manifest),
        *SMALL,
    )
    start = time.monotonic()
    done = perch(kit, *send)
    assert done.returncode == 0, done.stdout + done.stderr
    log.info("submit to computing: %.0f s", time.monotonic() - start)
    assert perch(kit, "status", "sent").stdout.startswith("sent: running since")
    assert perch(kit, *send).returncode == 2, "a second submission under the same id"

    head = kit.pod("sent", "head")
    kit.until(
        "a first result", lambda: '"e":"result"' in kit.shell(head, "cat /results/sent/events/*", check=False), 300
    )
    stopped = perch(kit, "stop", "sent")
    assert stopped.stdout == "sent: interrupted\n", stopped.stdout + stopped.stderr
    assert perch(kit, "status", "sent").returncode == 75

    again = perch(kit, *send, "--wait")
    assert "it goes on from its results" in again.stdout
    assert again.returncode == 0, again.stdout + again.stderr
    kit.kubectl("delete", "rayclusters", "--all")
    kit.until("no pods", lambda: not kit.get("pods", selector="app.kubernetes.io/instance=sent")["items"], 120)
    assert "40 trials" in perch(kit, "logs", "sent").stdout
    assert perch(kit, "fetch", "sent", "--to", str(tmp_path / "sent")).returncode == 0
    summary = json.loads((tmp_path / "sent" / "summary.json").read_text())
    assert (summary["run_id"], summary["trials"]) == ("sent", 40)
    assert (tmp_path / "sent" / "report.html").stat().st_size > 10_000
    assert perch(kit, "stop", "sent", "--remove").returncode == 0
    assert perch(kit, "status", "sent").returncode == 2


def test_a_standing_cluster_takes_studies(kit: Kit, study: str) -> None:
    kit.install("lab", "--set", "mode=cluster,demo=false,trials=null,timeBudget=")
    kit.pod("lab", "head", seconds=300)
    sent = perch(kit, "submit", study, "--run-id", "onlab", "--cluster", "lab-perch", "--trials", "3", "--wait")
    assert sent.returncode == 0, sent.stdout + sent.stderr
    refused = perch(
        kit, "submit", study, "--run-id", "wrong", "--cluster", "lab-perch", "--set", "metric=nothing", "--wait"
    )
    assert refused.returncode in {1, 2}
    assert "nothing" in refused.stdout + refused.stderr
    kit.helm("uninstall", "lab", "--wait")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--image", "localhost/perch:none"], "the image localhost/perch:none cannot be pulled"),
        (["--gpus", "1"], "no node has enough nvidia.com/gpu"),
        (["--memory", "999Gi"], "no node has enough memory"),
        (["--storage-class", "none"], "the results claim keeps pod|the results claim cannot be provided"),
        (["--cluster", "none"], "the Ray cluster that the job names is not there"),
    ],
)
def test_what_cannot_start_is_named_and_ended(
    kit: Kit, study: str, small_manifest: Path, options: list[str], says: str
) -> None:
    import re

    image = [] if "--image" in options else ["--image", kit.cluster.image]
    start = time.monotonic()
    run_id = f"bad-{abs(hash(says)) % 10_000}"
    done = perch(kit, "submit", study, "--run-id", run_id, "--manifest", str(small_manifest), *image, *SMALL, *options)
    log.info("named after %.0f s: %s", time.monotonic() - start, done.stderr.splitlines()[:1])
    assert done.returncode == 1
    assert re.search(says, done.stderr), done.stdout + done.stderr
    assert "fix:" in done.stderr
    assert run_id not in kit.kubectl("get", "rayjobs", "-o", "name")


def test_a_quota_that_is_used_up(kit: Kit, study: str, small_manifest: Path) -> None:
    kit.kubectl("create", "quota", "small", "--hard=pods=0")
    try:
        done = perch(
            kit, "submit", study, "--run-id", "quota", "--image", kit.cluster.image, "--manifest", str(small_manifest),
            *SMALL,
        )  # fmt: skip
    finally:
        kit.kubectl("delete", "quota", "small")
    assert done.returncode == 1
    assert "the quota of namespace" in done.stderr, done.stdout + done.stderr


def test_an_operator_that_is_absent(kit: Kit, study: str, small_manifest: Path) -> None:
    scale = ("kubectl", "-n", "kuberay-system", "scale", "deployment/kuberay-operator")
    kit.call(*scale, "--replicas=0")
    kit.call("kubectl", "-n", "kuberay-system", "wait", "--for=delete", "pod", "--all", "--timeout=60s", check=False)
    try:
        done = perch(
            kit, "submit", study, "--run-id", "nobody", "--image", kit.cluster.image, "--manifest", str(small_manifest),
            *SMALL,
        )  # fmt: skip
    finally:
        kit.call(*scale, "--replicas=1")
        kit.call("kubectl", "-n", "kuberay-system", "rollout", "status", "deployment/kuberay-operator")
    assert done.returncode == 1
    assert "no operator looks after the RayJob 'nobody'" in done.stderr, done.stdout + done.stderr


def test_no_namespace_no_permission(kit: Kit, study: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "perch.cli.main", "k8s", "submit", study, "--run-id", "x", "-n", "no-such-namespace"],
        capture_output=True, text=True, env=kit.cluster.environment, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2
    assert "there is no namespace 'no-such-namespace'" in done.stderr


def test_plain_manifests_pass_a_server_side_dry_run(kit: Kit) -> None:
    """The namespace is made for real, since a dry run makes none."""
    manifests = ROOT / "manifests"
    kit.call("kubectl", "apply", "--server-side", "-f", str(manifests / "namespace.yaml"))
    try:
        said = kit.call("kubectl", "apply", "--server-side", "--dry-run=server", "-f", str(manifests))
    finally:
        kit.call("kubectl", "delete", "namespace", "perch", "--wait=false")
    assert "rayjob.ray.io/oh serverside-applied (server dry run)" in said
    assert "Warning" not in said
