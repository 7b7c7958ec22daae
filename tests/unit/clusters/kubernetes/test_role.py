"""The Role in ``manifests/`` holds what the client asks for, and nothing else."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import yaml
from tests.patience import eventually
from tests.unit.clusters.kubernetes.fake import FakeCluster

from perch.clusters.kubernetes.control import Run
from perch.clusters.kubernetes.errors import NothingStarted
from perch.clusters.kubernetes.request import Request
from perch.clusters.kubernetes.submit import submit

from .conftest import rayjob

ROLE = Path(__file__).parents[4] / "manifests" / "role.yaml"
IN_A_POD = {("create", "pods/exec"), ("get", "pods/exec")}
"""Stop and fetch run a command through a web socket, which the cluster in memory has not; tests/e2e/kind shows them."""
STANDING = {("get", "rayclusters")}


def granted() -> set[tuple[str, str]]:
    """(verb, resource) of the Role's rules."""
    rules = yaml.safe_load(ROLE.read_text())["rules"]
    return {(verb, resource) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]}


def kubelet(cluster: FakeCluster) -> None:
    """Start the helper as soon as it is there."""
    eventually(lambda: any("-fetch-" in name for name in cluster.names("pods")), "no helper came")
    [helper] = [name for name in cluster.names("pods") if "-fetch-" in name]
    cluster.update("pods", helper, {"status": {"phase": "Running"}})


def test_the_role_is_what_the_client_asks_for(cluster: FakeCluster) -> None:
    request = Request("oh", "name: oh", image="perch:test", code={"mine.py": "x = 1"})
    cluster.put("rayjobs", rayjob("oh", jobDeploymentStatus="Complete", jobStatus="SUCCEEDED"))
    running = {"jobDeploymentStatus": "Running", "jobStatus": "RUNNING", "rayClusterName": "oh-x"}

    def say(line: str) -> None:
        if line.startswith("submitted"):  # as the operator would, a little later
            cluster.update("rayjobs", "oh", {"status": {"jobDeploymentStatus": "Initializing"}})
        else:
            cluster.update("rayjobs", "oh", {"status": running})

    assert submit(cluster.client(), request, say, start_s=60).word == "running"
    head = {"name": "head", "labels": {"ray.io/cluster": "oh-x", "ray.io/node-type": "head"}}
    cluster.put("pods", {"metadata": head, "spec": {"containers": []}, "status": {"phase": "Running"}})
    run = Run(cluster.client(), "oh", "default")
    run.status()
    run.last_lines()
    run.jobs.patch_job("oh", {"spec": {"backoffLimit": 0}})
    threading.Thread(target=kubelet, args=(cluster,), daemon=True).start()
    with pytest.raises(NothingStarted):  # no web socket here: only the requests around it count
        run.fetch(Path("nowhere"))
    run.remove()
    assert cluster.rights - {("get", "pods/exec")} == granted() - IN_A_POD - STANDING


def test_the_role_grants_no_secrets_and_nothing_that_widens_it() -> None:
    assert not {resource for _, resource in granted()} & {"secrets", "pods/portforward", "*"}
    assert not {verb for verb, _ in granted()} & {"*", "update", "deletecollection", "escalate", "bind"}
