"""Start a run and wait until it computes, or say why it does not."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from perch.clusters.kubernetes.client import Object, RayjobApi
from perch.clusters.kubernetes.errors import AlreadyThere, NotFound, RunFailed, translated
from perch.clusters.kubernetes.manifest import run_objects, standing_job
from perch.clusters.kubernetes.request import Request
from perch.clusters.kubernetes.status import JobStatus, job_status
from perch.clusters.kubernetes.trouble import Trouble, find_trouble
from perch.errors import ClusterError

Say = Callable[[str], None]
COLLECTED_S = 60.0
"""How long the objects of an earlier RayJob of that name may take to be collected."""
LOOK_AGAIN_S = 5.0
"""Seconds between two looks at pods and events while nothing changes in the RayJob."""


def submit(
    api_client: Any,
    request: Request,
    say: Say,
    *,
    cluster: str = "",
    template: str | None = None,
    start_s: float = 300,
    pending_s: float = 60,
) -> JobStatus:
    """Create the objects of a run and return once it computes or has ended.

    What cannot get better by waiting ends the submission at once, a pod that no node takes after ``pending_s``, all else
    after ``start_s``; then everything but the results claim is deleted again.
    """
    from kubernetes import client

    jobs, core = RayjobApi(api_client), client.CoreV1Api(api_client)
    make_room(jobs, request.run_id, request.namespace, say)
    if cluster:
        jobs.submit_job(request.namespace, standing_job(request, cluster))
    else:
        _create(api_client, run_objects(request, template), request.namespace)
    say(f"submitted: run '{request.run_id}' in namespace '{request.namespace}'")
    try:
        return wait_until_computing(jobs, core, request.run_id, request.namespace, say, start_s, pending_s)
    except ClusterError:
        with suppress(ClusterError):
            jobs.delete_job(request.run_id, request.namespace)
        raise


def make_room(jobs: RayjobApi, name: str, namespace: str, say: Say) -> None:
    """Delete an ended RayJob of that name, so that the run can go on; refuse while one is under way."""
    try:
        status = jobs.get_job_status(name, namespace)
    except NotFound:
        return
    if not status.finished:
        raise AlreadyThere(
            f"the run '{name}' is {status.word}",
            why="a second job under the same id would write the same results",
            fix=f"perch k8s stop {name}, then submit again to go on; or give another --run-id",
        )
    say(f"the run '{name}' ended before ({status.word}); it goes on from its results")
    jobs.delete_job(name, namespace)
    jobs.wait_until_gone(name, namespace)


def wait_until_computing(
    jobs: RayjobApi, core: Any, name: str, namespace: str, say: Say, start_s: float, pending_s: float
) -> JobStatus:
    """Return the status once the job runs or has ended; raise what keeps it from running."""
    changes: queue.Queue[Object | ClusterError] = queue.Queue()
    threading.Thread(target=_follow, args=(jobs, name, namespace, start_s, changes), daemon=True).start()
    end = time.monotonic() + start_s
    job: Object = {}
    said, pending_since = "", None
    while time.monotonic() < end:
        with suppress(queue.Empty):
            change = changes.get(timeout=LOOK_AGAIN_S)
            if isinstance(change, ClusterError):
                raise change
            job = change
        if not job:
            continue
        status = job_status(job)
        if status.job in {"RUNNING", "SUCCEEDED", "FAILED", "STOPPED"} or status.finished:
            return status
        selector = f"ray.io/cluster={status.cluster}" if status.cluster else f"perch-hpo/run={name}"
        trouble = find_trouble(core, namespace, selector, {name, status.cluster}, job)
        line = f"{status.word}: {trouble.what if trouble else status.deployment or 'waiting for the operator'}"
        if line != said:
            say(line)
            said = line
        pending_since = (pending_since or time.monotonic()) if trouble else None
        if trouble and (trouble.lasting or time.monotonic() - (pending_since or 0) >= pending_s):
            raise _failure(trouble)
    raise RunFailed(
        f"the run '{name}' does not compute after {start_s:.0f} s",
        why=said or "the RayJob never changed",
        fix=f"kubectl describe rayjob {name} -n {namespace} shows its events; --start-timeout waits longer",
    )


def _follow(
    jobs: RayjobApi, name: str, namespace: str, seconds: float, changes: queue.Queue[Object | ClusterError]
) -> None:
    try:
        for job in jobs.watch(name, namespace, seconds):
            changes.put(job)
    except ClusterError as error:
        changes.put(error)


def _failure(trouble: Trouble) -> RunFailed:
    return RunFailed(trouble.what, why=trouble.why, fix=trouble.fix)


def _create(api_client: Any, objects: list[Object], namespace: str) -> None:
    """Create all objects; those besides the claim belong to the RayJob and go with it."""
    owner: Object | None = None
    try:
        for each in objects:
            if owner is not None:
                each["metadata"]["ownerReferences"] = [owner]
            created = _create_one(api_client, each, namespace)
            if each["kind"] == "RayJob":
                owner = {
                    "apiVersion": "ray.io/v1",
                    "kind": "RayJob",
                    "name": created["metadata"]["name"],
                    "uid": created["metadata"]["uid"],
                }
    except ClusterError:
        if owner is not None:
            with suppress(ClusterError):
                RayjobApi(api_client).delete_job(owner["name"], namespace)
        raise


def _create_one(api_client: Any, each: Object, namespace: str) -> Object:
    from kubernetes import client

    kind, name = each["kind"], each["metadata"]["name"]
    core = client.CoreV1Api(api_client)
    if kind == "RayJob":
        return RayjobApi(api_client).submit_job(namespace, each)
    create = {
        "ConfigMap": core.create_namespaced_config_map,
        "Service": core.create_namespaced_service,
        "ServiceAccount": core.create_namespaced_service_account,
        "PersistentVolumeClaim": core.create_namespaced_persistent_volume_claim,
        "NetworkPolicy": client.NetworkingV1Api(api_client).create_namespaced_network_policy,
        "PodDisruptionBudget": client.PolicyV1Api(api_client).create_namespaced_pod_disruption_budget,
        "Deployment": client.AppsV1Api(api_client).create_namespaced_deployment,
    }[kind]
    if kind == "PersistentVolumeClaim":
        with suppress(NotFound), translated(f"find the claim '{name}'", namespace):
            found = core.read_namespaced_persistent_volume_claim(name, namespace)
            return {"metadata": {"name": found.metadata.name, "uid": found.metadata.uid}}
    end = time.monotonic() + COLLECTED_S
    while True:
        try:
            with translated(f"create the {kind} '{name}'", namespace):
                made = create(namespace, each)
            break
        except AlreadyThere:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)
    return {"metadata": {"name": made.metadata.name, "uid": made.metadata.uid}}
