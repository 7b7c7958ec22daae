"""Why a cluster does not come up: read from pods and events, recognised, named."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from perch.clusters.kubernetes.errors import translated

PULL_REASONS: Final = {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"}
CONFIG_REASONS: Final = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}

OPERATOR_PATIENCE: Final = timedelta(seconds=60)
"""How long a RayJob may stay without a status before we say that no operator looks after it."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One reason why nothing happens. ``lasting``: waiting does not help."""

    what: str
    why: str
    fix: str
    lasting: bool = True


def find_trouble(
    core: Any, namespace: str, selector: str, owners: Iterable[str], job: dict[str, Any]
) -> Trouble | None:
    """Look at the pods of a run and at the events of its objects; return the first trouble found.

    ``core`` is a ``CoreV1Api``, ``selector`` the label selector of the run's pods, ``owners`` the names of the RayJob and
    its RayCluster, whose warnings count, ``job`` the RayJob as last seen.
    """
    with translated("look at the pods", namespace):
        pods = core.list_namespaced_pod(namespace, label_selector=selector).items
    for pod in pods:
        trouble = pod_trouble(pod)
        if trouble:
            return trouble
    with translated("look at the events", namespace):
        events = core.list_namespaced_event(namespace, field_selector="type=Warning").items
    names = set(owners) | {pod.metadata.name for pod in pods}
    for event in events:
        if event.involved_object.name in names:
            trouble = event_trouble(event.reason or "", event.message or "", namespace)
            if trouble:
                return trouble
    return operator_trouble(job)


def pod_trouble(pod: Any) -> Trouble | None:
    """Return what keeps one pod from running."""
    name = pod.metadata.name
    for condition in pod.status.conditions or []:
        if condition.type == "PodScheduled" and condition.status == "False" and condition.reason == "Unschedulable":
            role = (pod.metadata.labels or {}).get("ray.io/node-type", "")
            return unschedulable(name, condition.message or "", role)
    statuses = [*(pod.status.init_container_statuses or []), *(pod.status.container_statuses or [])]
    for status in statuses:
        waiting = status.state.waiting if status.state else None
        if waiting is None:
            continue
        if waiting.reason in PULL_REASONS:
            return Trouble(
                f"the image {status.image} cannot be pulled ({waiting.reason}, pod {name})",
                waiting.message or "the node has no such image, or may not pull it",
                "check --image, and the pull secret (image.pullSecrets in the chart)",
            )
        if waiting.reason in CONFIG_REASONS:
            return Trouble(
                f"the container {status.name} of pod {name} cannot be created ({waiting.reason})",
                waiting.message or "",
                "a secret, ConfigMap or key that it names is missing, or its user is not allowed",
            )
        if waiting.reason == "CrashLoopBackOff":
            ended = status.last_state.terminated if status.last_state else None
            return Trouble(
                f"the container {status.name} of pod {name} ends again and again",
                f"exit code {ended.exit_code}, {ended.reason}" if ended else waiting.message or "",
                f"kubectl logs {name} -c {status.name} --previous; OOMKilled: give it more memory",
            )
    return None


_LESS: Final = {
    "head": "give the head less (--head-cpus, --head-memory; site file: head), or add nodes",
    "worker": "ask for less per worker (--cpus, --memory, --gpus) or for fewer workers, or add nodes",
    "": "add nodes, or wait until others have ended",
}
"""What to do when a pod of that role does not fit."""


def unschedulable(pod: str, message: str, role: str = "worker") -> Trouble:
    """Name the resource that no node has, or the rule that excludes all nodes. ``role``: head, worker, or empty for neither."""
    short = re.findall(r"Insufficient ([\w./-]*\w)", message)
    if short:
        what = f"no node has enough {' and '.join(dict.fromkeys(short))} for pod {pod}"
        fix = _LESS.get(role, _LESS[""])
    elif "taint" in message:
        what = f"every node keeps pod {pod} off by a taint"
        fix = f"add tolerations: {role or 'workers'}.tolerations in the site file (--site), or in the chart's values"
    elif "PersistentVolumeClaim" in message or "volume" in message.lower():
        what = f"the results claim keeps pod {pod} from being placed"
        fix = "check the claim: kubectl get pvc; its class must exist and offer the access mode"
    else:
        what = f"no node takes pod {pod}"
        fix = "compare node selectors and affinity with the nodes' labels: kubectl get nodes --show-labels"
    return Trouble(what, message, fix, lasting=False)


def event_trouble(reason: str, message: str, namespace: str) -> Trouble | None:
    """Return what a warning of the operator or the volume controller means, if it stops the run."""
    if "exceeded quota" in message:
        return Trouble(
            f"the quota of namespace '{namespace}' is used up", message, "ask for less, or have the quota raised"
        )
    if "failed quota" in message and "must specify" in message:
        return Trouble(
            f"the quota of namespace '{namespace}' counts something that a pod does not state",
            message,
            "state it (ephemeralStorage in the chart's values), or give the namespace a LimitRange with defaults for it",
        )
    if reason == "Evicted" and "ephemeral" in message:
        return Trouble(
            "a pod has used more of its node's disk than it may",
            message,
            "raise tmpSize and ephemeralStorage.limit in the chart's values",
        )
    if "violates PodSecurity" in message:
        return Trouble(
            "the namespace's Pod Security Standard refuses the pods",
            message,
            "keep the security contexts of the chart as they are",
        )
    if reason == "ProvisioningFailed":
        return Trouble(
            "the results claim cannot be provided", message, "give another --storage-class, or an existing --claim"
        )
    if reason in {"ValidateRayJobSpec", "InvalidRayJobSpec", "ValidationFailed", "InvalidRayJobMetadata"}:
        return Trouble("the operator refuses the RayJob", message, "correct the values named in the message")
    if reason == "RayClusterNotFound":
        return Trouble("the Ray cluster that the job names is not there", message, "check --cluster")
    return None


def operator_trouble(job: dict[str, Any], now: datetime | None = None) -> Trouble | None:
    """A RayJob that nobody looks after has no status; say so when it is older than OPERATOR_PATIENCE."""
    spec = job.get("spec", {})
    if (job.get("status") or {}).get("jobDeploymentStatus") or spec.get("suspend"):
        return None
    created = datetime.fromisoformat(job["metadata"]["creationTimestamp"])
    if (now or datetime.now(UTC)) - created < OPERATOR_PATIENCE:
        return None
    return Trouble(
        f"no operator looks after the RayJob '{job['metadata']['name']}'",
        f"it has been without a status for {OPERATOR_PATIENCE.seconds} s",
        "start the KubeRay operator, or check that it watches this namespace: kubectl get pods -A | grep kuberay",
    )
