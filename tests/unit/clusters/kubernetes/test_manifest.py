"""The objects of a run, from the chart's own rendering."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from perch.clusters.kubernetes.errors import NothingStarted
from perch.clusters.kubernetes.manifest import PLACEHOLDER, entrypoint, run_objects, standing_job
from perch.clusters.kubernetes.request import Request


def test_the_placeholder_is_gone_everywhere() -> None:
    assert PLACEHOLDER not in yaml.safe_dump_all(run_objects(Request("oh", "name: oh")))


@pytest.mark.parametrize("run_id", ["on", "off", "yes", "no", "y", "n", "null", "true", "e1"])
def test_a_run_id_stays_a_text_whatever_yaml_reads_in_it(run_id: str) -> None:
    plain, trap = run_objects(Request("zzz", "name: zzz")), run_objects(Request(run_id, "name: zzz"))
    assert trap == _renamed(plain, run_id)
    job = next(each for each in trap if each["kind"] == "RayJob")
    assert job["metadata"]["name"] == run_id


def _renamed(part: Any, run_id: str) -> Any:
    if isinstance(part, dict):
        return {_renamed(k, run_id): v if k == "study.yaml" else _renamed(v, run_id) for k, v in part.items()}
    if isinstance(part, list):
        return [_renamed(item, run_id) for item in part]
    return part.replace("zzz", run_id) if isinstance(part, str) else part


def test_all_objects_lie_in_the_namespace() -> None:
    objects = run_objects(Request("oh", None, namespace="science"))
    assert {each["metadata"]["namespace"] for each in objects} == {"science"}


def test_workers_get_what_is_asked_for() -> None:
    request = Request("oh", None, workers=3, cpus="8", memory="32Gi", gpus=2)
    job = next(each for each in run_objects(request) if each["kind"] == "RayJob")
    group = job["spec"]["rayClusterSpec"]["workerGroupSpecs"][0]
    resources = group["template"]["spec"]["containers"][0]["resources"]
    assert (group["replicas"], group["minReplicas"], group["maxReplicas"]) == (3, 3, 3)
    assert resources["limits"] == {"cpu": "8", "memory": "32Gi", "nvidia.com/gpu": 2, "ephemeral-storage": "12Gi"}
    assert resources["requests"] == {"cpu": "8", "memory": "32Gi", "ephemeral-storage": "1Gi"}


@pytest.mark.parametrize(
    ("request_", "cluster"),
    [
        (Request("oh", None, workers=3, cpus="8", gpus=2), "3x8:2"),
        (Request("oh", None, workers=2, cpus="1500m"), "2x2:0"),
        (Request("oh", None), "1x2:0"),
    ],
)
def test_the_driver_knows_which_workers_come(request_: Request, cluster: str) -> None:
    """So that a strategy plans for them before they are up."""
    job = next(each for each in run_objects(request_) if each["kind"] == "RayJob")
    head = job["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["containers"][0]
    assert [each["value"] for each in head["env"] if each["name"] == "PERCH_CLUSTER"] == [cluster]


def test_an_existing_claim_is_used_and_none_made() -> None:
    objects = run_objects(Request("oh", None, claim="shared"))
    assert "PersistentVolumeClaim" not in {each["kind"] for each in objects}
    assert "claimName: shared" in yaml.safe_dump_all(objects)


def test_one_node_means_one_claim_for_it_and_affinity() -> None:
    objects = run_objects(Request("oh", None, single_node=True))
    claim = objects[0]
    job = objects[1]["spec"]["rayClusterSpec"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    for group in (job["headGroupSpec"], *job["workerGroupSpecs"]):
        assert "podAffinity" in group["template"]["spec"]["affinity"]


@pytest.mark.parametrize("name", ["", "Oh", "7up", "oh_oh", "oh-", "a" * 48])
def test_names_that_the_operator_refuses(name: str) -> None:
    with pytest.raises(NothingStarted):
        Request(name, None)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20), max_size=5))
def test_arguments_reach_the_shell_as_they_are(arguments: list[str]) -> None:
    words = shlex.split(entrypoint("oh", arguments, None))
    assert words == ["perch", "run", *arguments, "--out", "/results", "--run-id", "oh"]


def test_a_standing_cluster_gets_the_study_in_the_jobs_environment() -> None:
    job = standing_job(Request("oh", "name: it's oh\n"), "lab")
    spec = job["spec"]
    assert spec["clusterSelector"] == {"ray.io/cluster": "lab"}
    assert yaml.safe_load(spec["runtimeEnvYAML"])["env_vars"]["PERCH_STUDY"] == "name: it's oh\n"
    assert spec["entrypoint"].startswith(
        'printf %s "$PERCH_STUDY" > /tmp/perch-oh.yaml && exec perch run /tmp/perch-oh.yaml'
    )


def test_a_manifest_without_a_job_is_refused() -> None:
    with pytest.raises(NothingStarted, match="holds 0 RayJobs"):
        run_objects(Request("oh", None), "kind: Service\nmetadata: {name: x}\n")
