"""A run's own sizes, places and files, put into the objects that the chart has rendered."""

from __future__ import annotations

import math
from typing import Any

from perch.clusters.kubernetes import code
from perch.clusters.kubernetes.request import Request
from perch.clusters.kubernetes.site import Pods

Object = dict[str, Any]


def fit_cluster(cluster: Object, request: Request) -> None:
    """Change the specification of a RayCluster to what the request asks for."""
    site = request.site
    group = cluster["workerGroupSpecs"][0]
    group["replicas"] = group["minReplicas"] = group["maxReplicas"] = request.workers
    head, worker = (each["template"]["spec"] for each in (cluster["headGroupSpec"], group))
    _size(head, request.head_cpus or site.head.cpus, request.head_memory or site.head.memory)
    _size(worker, request.cpus or site.workers.cpus, request.memory or site.workers.memory)
    if request.gpus:
        worker["containers"][0]["resources"]["limits"][site.gpu_resource] = request.gpus
    _say_what_comes(head["containers"][0], worker["containers"][0], request)
    for pod, where in ((head, site.head), (worker, site.workers)):
        _place(pod, where)
        _fit_pod(pod, request)


def _say_what_comes(head: Object, worker: Object, request: Request) -> None:
    """Let the driver, which runs in the head's pod, know the workers that it can plan for (see ``perch.runs.planned``)."""
    limits = worker["resources"]["limits"]
    cores = str(limits["cpu"])
    whole = math.ceil(float(cores.removesuffix("m")) / (1000 if cores.endswith("m") else 1))  # as the operator counts
    [known] = [each for each in head["env"] if each["name"] == "PERCH_CLUSTER"]
    known["value"] = f"{request.workers}x{whole}:{limits.get(request.site.gpu_resource, 0)}"


def _size(pod: Object, cpus: str, memory: str) -> None:
    """Requests and limits of Ray's container. Kubernetes' own words for amounts."""
    resources = pod["containers"][0]["resources"]
    for name, amount in (("cpu", cpus), ("memory", memory)):
        if amount:
            resources["limits"][name] = resources["requests"][name] = amount


def _place(pod: Object, where: Pods) -> None:
    if where.node_selector:
        pod["nodeSelector"] = {**pod.get("nodeSelector", {}), **where.node_selector}
    if where.tolerations:
        given = [each.model_dump(exclude_none=True) for each in where.tolerations]
        pod["tolerations"] = [*pod.get("tolerations", []), *given]
    if where.priority_class:
        pod["priorityClassName"] = where.priority_class


def _fit_pod(pod: Object, request: Request) -> None:
    for container in [*pod["containers"], *pod.get("initContainers", [])]:
        if request.image:
            container["image"] = request.image
    for volume in pod["volumes"]:
        if volume["name"] == "results" and request.claim:
            volume["persistentVolumeClaim"]["claimName"] = request.claim
    if request.single_node:
        pod["affinity"] = _one_node(request.run_id)
    if request.site.pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in request.site.pull_secrets]
    if request.site.arbitrary_uid:
        for key in ("runAsUser", "runAsGroup", "fsGroup", "fsGroupChangePolicy"):
            pod["securityContext"].pop(key, None)
    if request.code:
        code.show(pod, request.run_id)


def _one_node(run_id: str) -> Object:
    labels = {"app.kubernetes.io/name": "perch", "app.kubernetes.io/instance": run_id}
    term = {"labelSelector": {"matchLabels": labels}, "topologyKey": "kubernetes.io/hostname"}
    return {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
