"""The objects of one run, from the manifests that the chart renders. No Helm is needed to submit."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from importlib import resources
from typing import Any, Final

import yaml

from perch.clusters.kubernetes.code import config_map
from perch.clusters.kubernetes.errors import NothingStarted
from perch.clusters.kubernetes.fit import fit_cluster
from perch.clusters.kubernetes.request import WEEK_S, Request

Object = dict[str, Any]
PLACEHOLDER: Final = "perch-run-id"
"""The run id that the rendered manifest holds wherever a run's own belongs."""
RESULTS: Final = "/results"


def entrypoint(run_id: str, arguments: Sequence[str], study_path: str | None) -> str:
    """Return the shell line of the job: start or resume, under a fixed run id."""
    words = ["perch", "run", *([study_path] if study_path else []), *arguments, "--out", RESULTS, "--run-id", run_id]
    return shlex.join(words)


def run_objects(request: Request, template: str | None = None) -> list[Object]:
    """Return claim, study, rules and RayJob of a run, in the order in which they are created."""
    text = template if template is not None else _template("job.yaml")
    objects = [_named(o, request.run_id) for o in yaml.safe_load_all(text) if o]
    jobs = [o for o in objects if o["kind"] == "RayJob"]
    if len(jobs) != 1:
        raise NothingStarted(
            f"the manifest holds {len(jobs)} RayJobs", why="a run is one RayJob", fix="render it with mode=job"
        )
    for each in objects:
        each["metadata"]["namespace"] = request.namespace
        each["metadata"].setdefault("labels", {}).update({"app.kubernetes.io/managed-by": "perch", **request.labels})
        each["metadata"]["labels"].pop("helm.sh/chart", None)
        _fit(each, request)
    if request.code:
        objects.append(config_map(request.run_id, request.namespace, request.code))
    order = ["PersistentVolumeClaim", "RayJob"]
    wanted = [o for o in objects if not (o["kind"] == "PersistentVolumeClaim" and request.claim)]
    return sorted(wanted, key=lambda o: order.index(o["kind"]) if o["kind"] in order else len(order))


def _named(part: Any, run_id: str) -> Any:
    """The run id wherever the placeholder stands. In the text of the manifest YAML would read ``on`` or ``null`` as something else."""
    if isinstance(part, dict):
        return {_named(key, run_id): _named(value, run_id) for key, value in part.items()}
    if isinstance(part, list):
        return [_named(item, run_id) for item in part]
    return part.replace(PLACEHOLDER, run_id) if isinstance(part, str) else part


def _fit(each: Object, request: Request) -> None:
    match each["kind"]:
        case "ConfigMap":
            each["data"] = {"study.yaml": request.study or ""}
        case "PersistentVolumeClaim":
            each["metadata"].pop("annotations", None)
            spec = each["spec"]
            spec["accessModes"] = ["ReadWriteOnce" if request.single_node else "ReadWriteMany"]
            spec["resources"]["requests"]["storage"] = request.size
            if request.storage_class:
                spec["storageClassName"] = request.storage_class
        case "RayJob":
            _fit_job(each["spec"], request)


def _fit_job(spec: Object, request: Request) -> None:
    path = "/etc/perch/study.yaml" if request.study is not None else None
    spec["entrypoint"] = entrypoint(request.run_id, request.arguments, path)
    if request.deadline_s is not None:
        spec["activeDeadlineSeconds"] = request.deadline_s
    fit_cluster(spec["rayClusterSpec"], request)
    cluster = spec["rayClusterSpec"]
    for template in (cluster["headGroupSpec"]["template"], cluster["workerGroupSpecs"][0]["template"]):
        ray = template["spec"]["containers"][0]
        others = [each for each in ray.get("env", []) if each["name"] != "PERCH_RESUME_COMMAND"]
        ray["env"] = [*others, {"name": "PERCH_RESUME_COMMAND", "value": resume_command(request)}]


def resume_command(request: Request, cluster: str = "") -> str:
    """What the run prints as the way to go on, typed where it was submitted."""
    study = "STUDY.yaml " if request.study is not None else ""
    where = f" --cluster {cluster}" if cluster else ""
    return f"perch k8s submit {study}--run-id {request.run_id} -n {request.namespace}{where} (with the options of the first time)"


def standing_job(request: Request, cluster: str) -> Object:
    """Return a RayJob for a standing cluster; the study travels in the job's environment.

    The job writes it to a file itself, so that a submission to a new head finds it again.
    """
    if request.code:
        raise NothingStarted(
            "--code cannot be sent to a standing cluster",
            why="its pods are there already, and a file cannot be shown to them",
            fix="leave --cluster out, or build the modules into the image of the standing cluster",
        )
    path = f"/tmp/perch-{request.run_id}.yaml"  # noqa: S108 (the pod's own)
    line = entrypoint(request.run_id, request.arguments, path if request.study is not None else None)
    variables = {"PERCH_RESUME_COMMAND": resume_command(request, cluster)}
    if request.study is not None:
        variables["PERCH_STUDY"] = request.study
        line = f'printf %s "$PERCH_STUDY" > {path} && exec {line}'
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayJob",
        "metadata": {
            "name": request.run_id,
            "namespace": request.namespace,
            "labels": {"app.kubernetes.io/name": "perch", "app.kubernetes.io/managed-by": "perch", **request.labels},
        },
        "spec": {
            "submissionMode": "HTTPMode",
            "clusterSelector": {"ray.io/cluster": cluster},
            "entrypoint": line,
            "runtimeEnvYAML": json.dumps({"env_vars": variables}),  # JSON is YAML that reads the same everywhere
            "backoffLimit": 0,
            "activeDeadlineSeconds": request.deadline_s or WEEK_S,
        },
    }


def _template(name: str) -> str:
    return (resources.files("perch.clusters.kubernetes") / "manifests" / name).read_text()
