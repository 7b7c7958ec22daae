"""The objects of one run, from the manifests that the chart renders. No Helm is needed to submit."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Final

import yaml

from perch.clusters.kubernetes.errors import NothingStarted

Object = dict[str, Any]
PLACEHOLDER: Final = "perch-run-id"
"""The run id that the rendered manifest holds wherever a run's own belongs."""
RESULTS: Final = "/results"
LONGEST_NAME: Final = 47


@dataclass(frozen=True, slots=True)
class Request:
    """What a run asks of the cluster. Memory as Kubernetes writes it, time in seconds."""

    run_id: str
    study: str | None
    arguments: Sequence[str] = ()
    namespace: str = "default"
    image: str = ""
    workers: int = 1
    cpus: str = ""
    memory: str = ""
    gpus: int = 0
    claim: str = ""
    size: str = "20Gi"
    storage_class: str = ""
    single_node: bool = False
    deadline_s: int | None = None
    labels: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse names that the operator would refuse later."""
        import re

        if not re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", self.run_id):
            raise NothingStarted(
                f"'{self.run_id}' cannot name a RayJob",
                why="it must start with a letter and hold only lower-case letters, digits and '-'",
                fix="give another --run-id",
            )
        if len(self.run_id) > LONGEST_NAME:
            raise NothingStarted(
                f"the run id '{self.run_id}' has {len(self.run_id)} characters",
                why=f"the operator takes at most {LONGEST_NAME}, since it adds to it",
                fix="give a shorter --run-id",
            )


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
    cluster = spec["rayClusterSpec"]
    group = cluster["workerGroupSpecs"][0]
    group["replicas"] = group["minReplicas"] = group["maxReplicas"] = request.workers
    worker = group["template"]["spec"]["containers"][0]
    for name, amount in (("cpu", request.cpus), ("memory", request.memory)):
        if amount:
            worker["resources"]["limits"][name] = worker["resources"]["requests"][name] = amount
    if request.gpus:
        worker["resources"]["limits"]["nvidia.com/gpu"] = request.gpus
    _say_what_comes(cluster["headGroupSpec"]["template"]["spec"]["containers"][0], worker, request)
    for template in (cluster["headGroupSpec"]["template"], group["template"]):
        pod = template["spec"]
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            if request.image:
                container["image"] = request.image
        for volume in pod["volumes"]:
            if volume["name"] == "results" and request.claim:
                volume["persistentVolumeClaim"]["claimName"] = request.claim
        if request.single_node:
            pod["affinity"] = _one_node(request.run_id)


def _say_what_comes(head: Object, worker: Object, request: Request) -> None:
    """Let the driver, which runs in the head's pod, know the workers that it can plan for (see ``perch.runs.planned``)."""
    limits = worker["resources"]["limits"]
    cores = str(limits["cpu"])
    whole = math.ceil(float(cores.removesuffix("m")) / (1000 if cores.endswith("m") else 1))  # as the operator counts
    [known] = [each for each in head["env"] if each["name"] == "PERCH_CLUSTER"]
    known["value"] = f"{request.workers}x{whole}:{limits.get('nvidia.com/gpu', 0)}"


def _one_node(run_id: str) -> Object:
    labels = {"app.kubernetes.io/name": "perch", "app.kubernetes.io/instance": run_id}
    term = {"labelSelector": {"matchLabels": labels}, "topologyKey": "kubernetes.io/hostname"}
    return {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def standing_job(request: Request, cluster: str) -> Object:
    """Return a RayJob for a standing cluster; the study travels in the job's environment.

    The job writes it to a file itself, so that a submission to a new head finds it again.
    """
    path = f"/tmp/perch-{request.run_id}.yaml"  # noqa: S108 (the pod's own)
    line = entrypoint(request.run_id, request.arguments, path if request.study is not None else None)
    environment = {}
    if request.study is not None:
        environment = {"env_vars": {"PERCH_STUDY": request.study}}
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
            "runtimeEnvYAML": json.dumps(environment)
            if environment
            else "",  # JSON is YAML that reads the same everywhere
            "backoffLimit": 0,
            "activeDeadlineSeconds": request.deadline_s or 604800,
        },
    }


def _template(name: str) -> str:
    return (resources.files("perch.clusters.kubernetes") / "manifests" / name).read_text()
