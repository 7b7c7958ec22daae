"""What becomes of a run after it was sent."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from tests.unit.clusters.kubernetes.fake import FakeCluster

from perch.clusters.kubernetes.control import Run, results_place, unpack
from perch.clusters.kubernetes.errors import NotFound, RunFailed
from perch.clusters.kubernetes.manifest import run_objects
from perch.clusters.kubernetes.request import Request
from perch.errors import ClusterError

from .conftest import rayjob


def archive(*members: tuple[str, bytes]) -> bytes:
    """Return a tar of these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def test_unpacks_files(tmp_path: Path) -> None:
    files = unpack(archive(("./summary.json", b"{}"), ("./figures/a.png", b"x")), tmp_path / "oh")
    assert [str(f.relative_to(tmp_path / "oh")) for f in files] == ["figures/a.png", "summary.json"]


def test_refuses_to_write_outside(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="leads out of"):
        unpack(archive(("../evil", b"x")), tmp_path / "oh")
    assert not (tmp_path / "evil").exists()


def test_finds_the_results_in_the_manifest() -> None:
    job = next(o for o in run_objects(Request("oh", None, image="perch:x")) if o["kind"] == "RayJob")
    place = results_place(job["spec"]["rayClusterSpec"])
    assert (place.claim, place.image, place.mount) == ("oh-results", "perch:x", "/results")


def test_says_so_when_there_is_no_claim() -> None:
    pod = {"containers": [{"volumeMounts": []}], "volumes": [{"name": "results", "emptyDir": {}}]}
    with pytest.raises(ClusterError, match="no results claim"):
        results_place({"headGroupSpec": {"template": {"spec": pod}}})


def test_the_log_comes_from_the_head(cluster: FakeCluster) -> None:
    cluster.put("rayjobs", rayjob("oh", jobDeploymentStatus="Complete", jobStatus="SUCCEEDED", rayClusterName="oh-x"))
    cluster.put(
        "pods",
        {
            "metadata": {"name": "head", "labels": {"ray.io/cluster": "oh-x", "ray.io/node-type": "head"}},
            "spec": {"containers": []},
            "status": {"phase": "Running"},
        },
    )
    cluster.logs["head"] = "one\ntwo\n"
    run = Run(cluster.client(), "oh", "default")
    assert list(run.logs(follow=False)) == ["one", "two"]
    assert run.last_lines() == "one\ntwo"


def test_stopping_an_ended_run_changes_nothing(cluster: FakeCluster) -> None:
    cluster.put("rayjobs", rayjob("oh", jobDeploymentStatus="Complete", jobStatus="SUCCEEDED"))
    assert Run(cluster.client(), "oh", "default").stop(1).word == "done"


def test_stopping_what_does_not_compute_says_what_to_do(cluster: FakeCluster) -> None:
    cluster.put("rayjobs", rayjob("oh", jobDeploymentStatus="Initializing"))
    with pytest.raises(RunFailed, match="does not compute") as caught:
        Run(cluster.client(), "oh", "default").stop(1)
    assert "--remove" in caught.value.fix


def test_an_unknown_run(cluster: FakeCluster) -> None:
    with pytest.raises(NotFound):
        Run(cluster.client(), "oh", "default").status()
