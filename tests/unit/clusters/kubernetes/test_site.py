"""A cluster's own file, and the modules that are sent along."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.unit.clusters.kubernetes.test_request import request

from perch.clusters.kubernetes.errors import NothingStarted
from perch.clusters.kubernetes.manifest import resume_command, run_objects, standing_job
from perch.clusters.kubernetes.pods import SECURITY, helper_pod

SITE = """
version: 1
image: registry.example.org/team/perch@sha256:0123
pull_secrets: [registry]
storage_class: nfs
gpu_resource: amd.com/gpu
arbitrary_uid: true
head: {cpus: "1", memory: 3Gi, node_selector: {pool: system}}
workers:
  cpus: "8"
  node_selector: {pool: mi300}
  tolerations: [{key: amd.com/gpu, operator: Exists}]
  priority_class: low
"""
STUDY = "name: own\ntrainable: mine:Train\nspace: {x: {float: [0, 1]}}\nmetric: loss\nepochs: 3\nbudget: {trials: 2}\n"


def cluster_of(made: Any) -> dict[str, Any]:
    """The RayCluster of a request."""
    job = next(each for each in run_objects(made) if each["kind"] == "RayJob")
    spec: dict[str, Any] = job["spec"]["rayClusterSpec"]
    return spec


def pods(made: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Head and worker pod."""
    cluster = cluster_of(made)
    return cluster["headGroupSpec"]["template"]["spec"], cluster["workerGroupSpecs"][0]["template"]["spec"]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The file above."""
    (tmp_path / "cluster.yaml").write_text(SITE)
    return tmp_path / "cluster.yaml"


def test_a_site_file_places_head_and_workers(site: Path) -> None:
    head, worker = pods(request(site=site, gpus=4))
    assert head["nodeSelector"] == {"pool": "system"}
    assert worker["nodeSelector"] == {"pool": "mi300"}
    assert worker["tolerations"] == [{"key": "amd.com/gpu", "operator": "Exists"}]
    assert "tolerations" not in head
    assert worker["priorityClassName"] == "low"
    assert worker["containers"][0]["resources"]["limits"]["amd.com/gpu"] == 4
    assert worker["containers"][0]["resources"]["requests"]["cpu"] == "8"
    assert head["containers"][0]["resources"]["limits"]["memory"] == "3Gi"
    for pod in (head, worker):
        assert pod["imagePullSecrets"] == [{"name": "registry"}]
        assert {each["image"] for each in pod["containers"]} == {"registry.example.org/team/perch@sha256:0123"}
        assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


def test_options_win_over_the_site_file(site: Path) -> None:
    made = request(
        site=site, head_cpus="3", head_memory="9Gi", cpus="2", memory="5Gi", image="other:1", storage_class="ceph"
    )
    head, worker = pods(made)
    limits = head["containers"][0]["resources"]["limits"]
    assert (limits["cpu"], limits["memory"]) == ("3", "9Gi")
    assert worker["containers"][0]["resources"]["requests"]["cpu"] == "2"
    assert worker["containers"][0]["image"] == "other:1"
    assert made.storage_class == "ceph"


def test_without_a_site_file_the_pods_stay_as_the_chart_made_them() -> None:
    head, worker = pods(request())
    assert head["securityContext"]["runAsUser"] == worker["securityContext"]["runAsUser"] == 10001
    assert "nodeSelector" not in worker


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("imgae: x", "did you mean 'image'"),
        ("head: {cpu: 1}", "did you mean 'cpus'"),
        ("workers: {tolerations: [{keys: a}]}", "there is no setting 'workers.tolerations.0.keys'"),
        ("partition: gpu", "it is one of Slurm's site files"),
        ("version: 9", "a newer one wrote it"),
        ("- a", "is no site file"),
        ("a: [", "cannot read the site file"),
        ("single_node: maybe", "single_node"),
    ],
)
def test_a_wrong_site_file_names_the_key(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(text)
    with pytest.raises(NothingStarted) as caught:
        request(site=path)
    assert said in str(caught.value)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A study of a module of the user's own."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "mine.py").write_text("import only_in_the_image\n\n\nclass Train:\n    pass\n")
    (tmp_path / "study.yaml").write_text(STUDY)
    return tmp_path / "study.yaml"


def test_modules_travel_as_a_config_map_and_lie_on_the_path(own: Path) -> None:
    made = request(own, code=own.parent / "code")
    [sent] = [each for each in run_objects(made) if each["metadata"]["name"] == "oh-code"]
    assert sent["data"] == {"mine.py": (own.parent / "code" / "mine.py").read_text()}
    for pod in pods(made):
        ray = pod["containers"][0]
        assert {"name": "code", "mountPath": "/opt/trainable", "readOnly": True} in ray["volumeMounts"]
        assert {"name": "code", "configMap": {"name": "oh-code"}} in pod["volumes"]
        assert {"name": "PYTHONPATH", "value": "/opt/trainable"} in ray["env"]
    assert made.notes == ("unchecked: what 'mine.py' imports, which the image must hold",)


def test_without_modules_it_is_said_that_the_image_must_hold_the_trainable(own: Path) -> None:
    [note] = request(own).notes
    assert note.startswith("unchecked: the trainable 'mine:Train', which must be in the image")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("other.py", "class Train: ...", "--code holds no 'mine.py'"),
        ("mine.py", "class Other: ...", "'mine.py' has no 'Train'"),
        ("mine.py", "class Train(:", "'mine.py' is no Python"),
        ("notes.txt", "", "it holds no *.py file"),
        ("package/__init__.py", "", "it holds the packages package"),
        ("mine.py", "#" * 1_000_000, "is too large to be sent"),
    ],
)
def test_code_that_cannot_work_is_refused_before_anything_is_sent(
    tmp_path: Path, own: Path, name: str, text: str, said: str
) -> None:
    folder = tmp_path / "wrong"
    (folder / name).parent.mkdir(parents=True)
    (folder / name).write_text(text)
    with pytest.raises(NothingStarted) as caught:
        request(own, code=folder)
    assert said in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_folder_that_is_none_and_a_standing_cluster_take_no_code(own: Path) -> None:
    with pytest.raises(NothingStarted, match="there is no such folder"):
        request(own, code=own.parent / "vanished")
    with pytest.raises(NothingStarted, match="cannot be sent to a standing cluster"):
        standing_job(request(own, code=own.parent / "code"), "lab-perch")


def test_paths_that_stay_on_this_machine_are_refused(tmp_path: Path) -> None:
    study = tmp_path / "study.yaml"
    study.write_text("name: x\ndata: {source: ase-db, path: data.db}\nepochs: 3\nbudget: {trials: 4}\n")
    with pytest.raises(NothingStarted, match=r"data.path: 'data\.db' stays on this machine"):
        request(study)
    study.write_text("name: x\ndata: {source: ase-db, path: /data/data.db}\nepochs: 3\nbudget: {trials: 4}\n")
    assert request(study).notes == ("unchecked: data.path '/data/data.db', which must be there in the pods",)


def test_a_deadline_of_ones_own_is_longer_than_the_budget() -> None:
    assert request(deadline="2d").deadline_s == 2 * 86400
    assert request(trials=5).deadline_s is None, "the manifest's own: a week"
    for wrong in ("1h", "soon"):
        with pytest.raises(NothingStarted, match="--deadline"):
            request(time_budget="2h", deadline=wrong)


def test_pods_are_told_how_the_run_goes_on() -> None:
    made = request(namespace="science")
    [said] = {
        each["value"]
        for pod in pods(made)
        for each in pod["containers"][0]["env"]
        if each["name"] == "PERCH_RESUME_COMMAND"
    }
    assert said == resume_command(made)
    assert said.startswith("perch k8s submit --run-id oh -n science")
    assert "--cluster lab" in standing_job(made, "lab")["spec"]["runtimeEnvYAML"]


def test_a_helper_runs_under_the_user_of_the_run() -> None:
    assert helper_pod("p", "oh", "i", "c")["spec"]["securityContext"] == SECURITY
    assert helper_pod("p", "oh", "i", "c", {"runAsNonRoot": True})["spec"]["securityContext"] == {"runAsNonRoot": True}
