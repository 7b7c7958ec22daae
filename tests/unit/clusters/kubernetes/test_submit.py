"""A submission ends with a computing run, or at once with the reason."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from tests.unit.clusters.kubernetes.fake import FakeCluster

from perch.clusters.kubernetes.errors import AlreadyThere, NothingStarted, RunFailed
from perch.clusters.kubernetes.request import Request
from perch.clusters.kubernetes.submit import submit

from .conftest import rayjob

REQUEST = Request("oh", "name: oh\n", arguments=["--strategy", "asha"], image="perch:test")


def pod(name: str = "oh-head", **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": {"perch-hpo/run": "oh"}}, "spec": {"containers": []}, "status": status}


def waiting(reason: str, message: str = "m") -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return {
        "containerStatuses": [
            {
                "name": "ray-head",
                "image": "perch:test",
                "imageID": "",
                "ready": False,
                "restartCount": 0,
                "state": state,
            }
        ]
    }


def unschedulable(message: str) -> dict[str, Any]:
    return {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}]}


def send(cluster: FakeCluster, request: Request = REQUEST, **options: Any) -> tuple[Any, list[str]]:
    said: list[str] = []
    status = submit(cluster.client(), request, said.append, **{"start_s": 20, "pending_s": 0, **options})
    return status, said


def when_submitted(cluster: FakeCluster, plural: str, obj: dict[str, Any]) -> None:
    """Play the operator: put an object as soon as the RayJob is there."""

    def operator() -> None:
        cluster.wait_for("rayjobs", "oh")
        cluster.put(plural, obj)
        cluster.update("rayjobs", "oh", {"status": {"jobDeploymentStatus": "Initializing"}})

    threading.Thread(target=operator, daemon=True).start()


def computing(cluster: FakeCluster) -> None:
    def operator() -> None:
        cluster.wait_for("services", "oh-tensorboard")
        cluster.update("rayjobs", "oh", {"status": {"jobDeploymentStatus": "Running", "jobStatus": "RUNNING"}})

    threading.Thread(target=operator, daemon=True).start()


def test_returns_once_the_run_computes(cluster: FakeCluster) -> None:
    computing(cluster)
    status, said = send(cluster)
    assert status.word == "running"
    assert said[0] == "submitted: run 'oh' in namespace 'default'"
    assert cluster.names("persistentvolumeclaims") == ["oh-results"]
    assert cluster.names("networkpolicies") == ["oh"]


def test_everything_but_the_claim_goes_with_the_job(cluster: FakeCluster) -> None:
    computing(cluster)
    send(cluster)
    cluster.remove("rayjobs", "oh")
    assert {plural for plural, _, _ in cluster.objects} == {"persistentvolumeclaims"}


def test_the_study_and_the_image_arrive(cluster: FakeCluster) -> None:
    computing(cluster)
    send(cluster)
    job = cluster.objects["rayjobs", "default", "oh"]["spec"]
    head = job["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]
    assert job["entrypoint"] == "perch run /etc/perch/study.yaml --strategy asha --out /results --run-id oh"
    assert {c["image"] for c in [*head["containers"], *head["initContainers"]]} == {"perch:test"}
    assert cluster.objects["configmaps", "default", "oh-study"]["data"]["study.yaml"] == "name: oh\n"


def test_an_ended_run_goes_on_under_its_id(cluster: FakeCluster) -> None:
    cluster.put("rayjobs", rayjob("oh", jobDeploymentStatus="Failed", jobStatus="FAILED", message="exit code 75"))
    computing(cluster)
    _, said = send(cluster)
    assert said[0] == "the run 'oh' ended before (interrupted); it goes on from its results"


def test_a_running_one_is_left_alone(cluster: FakeCluster) -> None:
    cluster.put("rayjobs", rayjob("oh", jobDeploymentStatus="Running", jobStatus="RUNNING"))
    with pytest.raises(AlreadyThere, match="the run 'oh' is running"):
        send(cluster)


@pytest.mark.parametrize(
    ("role", "says"), [("head", "--head-memory"), ("worker", "for fewer workers"), ("", "add nodes")]
)
def test_the_advice_fits_the_pod_that_does_not_fit(cluster: FakeCluster, role: str, says: str) -> None:
    found = pod(**unschedulable("0/1 nodes are available: 1 Insufficient memory."))
    found["metadata"]["labels"] |= {"ray.io/node-type": role} if role else {}
    when_submitted(cluster, "pods", found)
    with pytest.raises(RunFailed) as caught:
        send(cluster)
    assert says in caught.value.fix
    assert ("per worker" in caught.value.fix) == (role == "worker")


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (waiting("ErrImagePull"), "the image perch:test cannot be pulled"),
        (waiting("ImagePullBackOff"), "the image perch:test cannot be pulled"),
        (waiting("CreateContainerConfigError", 'secret "wandb" not found'), "cannot be created"),
        (waiting("CrashLoopBackOff"), "ends again and again"),
        (
            unschedulable("0/1 nodes are available: 1 Insufficient nvidia.com/gpu."),
            "no node has enough nvidia.com/gpu for pod",
        ),
        (
            unschedulable("0/3 nodes are available: 3 Insufficient cpu, 1 Insufficient memory."),
            "enough cpu and memory for pod",
        ),
        (unschedulable("0/1 nodes are available: 1 node(s) had untolerated taint {gpu: }."), "by a taint"),
        (unschedulable('persistentvolumeclaim "oh-results" not found'), "the results claim keeps pod"),
        (
            unschedulable("0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."),
            "no node takes pod",
        ),
    ],
)
def test_a_pod_that_cannot_start_ends_the_submission(cluster: FakeCluster, status: dict[str, Any], says: str) -> None:
    when_submitted(cluster, "pods", pod(**status))
    with pytest.raises(RunFailed, match=says) as caught:
        send(cluster)
    assert caught.value.fix
    assert cluster.names("rayjobs") == []


@pytest.mark.parametrize(
    ("reason", "message", "says"),
    [
        ("FailedToCreateHeadPod", 'pods "oh" is forbidden: exceeded quota: small', "the quota of namespace 'default'"),
        ("FailedToCreateHeadPod", 'violates PodSecurity "restricted:latest"', "Pod Security Standard"),
        ("ValidateRayJobSpec", "backoffLimit must be a positive integer", "the operator refuses"),
        ("RayClusterNotFound", "RayCluster default/x is not found", "the Ray cluster that the job names"),
    ],
)
def test_a_warning_of_the_operator_ends_the_submission(
    cluster: FakeCluster, reason: str, message: str, says: str
) -> None:
    event = {
        "metadata": {"name": "e"},
        "type": "Warning",
        "reason": reason,
        "message": message,
        "involvedObject": {"kind": "RayJob", "name": "oh"},
    }
    when_submitted(cluster, "events", event)
    with pytest.raises(RunFailed, match=says):
        send(cluster)


def test_an_operator_that_is_absent_is_named(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import timedelta

    from perch.clusters.kubernetes import submit as module
    from perch.clusters.kubernetes import trouble

    monkeypatch.setattr(trouble, "OPERATOR_PATIENCE", timedelta(0))
    monkeypatch.setattr(module, "LOOK_AGAIN_S", 0.1)
    with pytest.raises(RunFailed, match="no operator looks after the RayJob 'oh'"):
        send(cluster)


def test_a_refused_rule_leaves_nothing_behind(cluster: FakeCluster) -> None:
    cluster.refuse("POST", "networkpolicies", 403, 'cannot create resource "networkpolicies"')
    with pytest.raises(
        NothingStarted, match="could not create the NetworkPolicy 'oh': you lack the verb 'create' on 'networkpolicies'"
    ):
        send(cluster)
    assert cluster.names("rayjobs") == []


def test_nothing_happening_ends_after_the_time_given(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    from perch.clusters.kubernetes import submit as module

    monkeypatch.setattr(module, "LOOK_AGAIN_S", 0.1)
    with pytest.raises(RunFailed, match="does not compute after 1 s"):
        send(cluster, start_s=1)
