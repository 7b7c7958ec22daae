"""The client raises what goes wrong, watches, and returns why a job failed."""

from __future__ import annotations

import json
import threading

import pytest
from kubernetes.client.exceptions import ApiException
from tests.patience import LIMIT_S, eventually
from tests.unit.clusters.kubernetes.fake import FakeCluster

from perch.clusters.kubernetes.client import RayClusterApi, RayjobApi
from perch.clusters.kubernetes.errors import AlreadyThere, Deleted, NotFound, NothingStarted, RunFailed, translated

from .conftest import rayjob


def test_submits_reads_and_deletes(cluster: FakeCluster) -> None:
    jobs = RayjobApi(cluster.client())
    jobs.submit_job("default", rayjob("oh"))
    assert jobs.get_job("oh")["metadata"]["name"] == "oh"
    assert cluster.names("rayjobs") == ["oh"]
    jobs.delete_job("oh")
    assert cluster.names("rayjobs") == []


def test_changes_a_part(cluster: FakeCluster) -> None:
    jobs = RayjobApi(cluster.client())
    jobs.submit_job("default", rayjob("oh"))
    changed = jobs.patch_job("oh", {"spec": {"backoffLimit": 0}})
    assert changed["spec"] == {**rayjob("oh")["spec"], "backoffLimit": 0}


def test_waits_for_the_end_and_says_why_it_failed(cluster: FakeCluster) -> None:
    jobs = RayjobApi(cluster.client())
    jobs.submit_job("default", rayjob("oh"))
    message = "Job entrypoint command failed with exit code 2, last available logs (truncated):\nno strategy 'ashaa'"

    def operator() -> None:
        cluster.update("rayjobs", "oh", {"status": {"jobDeploymentStatus": "Running", "jobStatus": "RUNNING"}})
        failed = {"jobDeploymentStatus": "Failed", "jobStatus": "FAILED", "reason": "AppFailed", "message": message}
        cluster.update("rayjobs", "oh", {"status": failed})

    threading.Timer(0.1, operator).start()
    status = jobs.wait_until_job_finished("oh", timeout=LIMIT_S)
    assert (status.reason, status.exit_code, status.last_lines) == ("AppFailed", 2, "no strategy 'ashaa'")


def test_hears_of_a_change_at_once(cluster: FakeCluster) -> None:
    jobs = RayjobApi(cluster.client())
    jobs.submit_job("default", rayjob("oh"))

    def operator() -> None:
        eventually(lambda: ("GET", "watch") in cluster.requests, "nobody watches")
        cluster.update("rayjobs", "oh", {"status": {"jobDeploymentStatus": "Complete", "jobStatus": "SUCCEEDED"}})

    thread = threading.Thread(target=operator)
    thread.start()
    jobs.wait_until_job_finished("oh", timeout=LIMIT_S)
    thread.join()
    assert cluster.requests.count(("GET", "watch")) == 1, "the change came by the one watch: nothing is polled"
    assert cluster.requests.count(("GET", "rayjobs")) == 1


def test_a_wait_that_is_over_raises_with_the_last_state(cluster: FakeCluster) -> None:
    jobs = RayjobApi(cluster.client())
    jobs.submit_job("default", rayjob("oh", jobDeploymentStatus="Initializing"))
    with pytest.raises(RunFailed, match="is starting after 1 s"):
        jobs.wait_until_job_finished("oh", timeout=1)


def test_a_job_that_is_deleted_meanwhile_raises(cluster: FakeCluster) -> None:
    jobs = RayjobApi(cluster.client())
    jobs.submit_job("default", rayjob("oh"))
    threading.Timer(0.1, cluster.remove, ("rayjobs", "oh")).start()
    with pytest.raises(Deleted, match="was deleted"):
        jobs.wait_until_job_finished("oh", timeout=LIMIT_S)


def test_reads_a_cluster(cluster: FakeCluster) -> None:
    cluster.put("rayclusters", {"metadata": {"name": "standing"}, "spec": {"rayVersion": "2.60.0"}})
    assert RayClusterApi(cluster.client()).get_ray_cluster("standing")["spec"] == {"rayVersion": "2.60.0"}


def test_no_such_job(cluster: FakeCluster) -> None:
    with pytest.raises(NotFound, match="could not find the RayJob 'oh'"):
        RayjobApi(cluster.client()).get_job("oh")


def test_a_name_that_is_taken(cluster: FakeCluster) -> None:
    jobs = RayjobApi(cluster.client())
    jobs.submit_job("default", rayjob("oh"))
    with pytest.raises(AlreadyThere, match="could not create"):
        jobs.submit_job("default", rayjob("oh"))


@pytest.mark.parametrize(
    ("code", "message", "says"),
    [
        (401, "Unauthorized", "does not know you"),
        (
            403,
            'rayjobs.ray.io is forbidden: User "eve" cannot create resource "rayjobs" in API group "ray.io"',
            "you lack the verb 'create' on 'rayjobs'",
        ),
        (
            403,
            'pods "x" is forbidden: exceeded quota: small, requested: cpu=8',
            "the quota of namespace 'default' is used up",
        ),
        (404, "the server could not find the requested resource", "knows no ray.io/v1"),
        (404, "404 page not found", "knows no ray.io/v1"),
        (403, 'pods "x" is forbidden: violates PodSecurity "restricted:latest"', "Pod Security Standard"),
        (422, "spec.entrypoint: Invalid value", "could not create"),
    ],
)
def test_a_refusal_says_what_to_do(cluster: FakeCluster, code: int, message: str, says: str) -> None:
    cluster.refuse("POST", "rayjobs", code, message)
    with pytest.raises(NothingStarted, match=says) as caught:
        RayjobApi(cluster.client()).submit_job("default", rayjob("oh"))
    assert caught.value.why
    assert caught.value.fix
    assert caught.value.exit_code == 2


def test_a_namespace_that_is_missing(cluster: FakeCluster) -> None:
    with pytest.raises(NothingStarted, match="there is no namespace 'nowhere'"):
        RayjobApi(cluster.client()).submit_job("nowhere", rayjob("oh"))


def test_a_cluster_that_does_not_answer() -> None:
    with FakeCluster() as gone:
        client = gone.client()
    client.configuration.retries = False
    with pytest.raises(NothingStarted, match="the cluster does not answer"):
        RayjobApi(client).get_job("oh")


def test_no_cluster_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    from kubernetes.config import kube_config

    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", f"{tmp_path}/none")
    with pytest.raises(NothingStarted, match="no cluster is configured"):
        RayjobApi()


@pytest.mark.parametrize("status", [0, 403])
def test_a_refused_web_socket_names_the_right_that_is_missing(status: int) -> None:
    said = 'pods "oh-head" is forbidden: User "eve" cannot create resource "pods/exec" in API group ""'
    body = json.dumps({"kind": "Status", "message": said, "code": 403}).encode()
    reason = f"Handshake status 403 Forbidden -+-+- {{'content-type': 'application/json'}} -+-+- {body!r}"
    with pytest.raises(NothingStarted) as caught, translated("run a command in pod 'oh-head'", "science"):
        raise ApiException(status=status, reason=reason)
    assert "you lack the verb 'create' on 'pods/exec'" in caught.value.what
    assert "manifests/role.yaml" in caught.value.fix
    assert "-+-" not in str(caught.value)


def test_a_refused_web_socket_without_an_answer_says_the_handshakes_words() -> None:
    with pytest.raises(NothingStarted, match="Handshake status 401 Unauthorized"), translated("run a command"):
        raise ApiException(status=0, reason="Handshake status 401 Unauthorized -+-+- {} -+-+- b''")
