"""KubeRay's two objects, by the names that KubeRay's own Python client uses.

That client is on no registry; where it is installed, ours are subclasses of its classes. Unlike it, ours raise what
goes wrong, watch instead of polling, and return why a job failed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

from perch.clusters.kubernetes.errors import Deleted, NotFound, RunFailed, translated
from perch.clusters.kubernetes.status import JobStatus, job_status

Object = dict[str, Any]
GROUP: Final = "ray.io"
VERSION: Final = "v1"


def _upstream(name: str) -> type:
    try:
        import python_client  # type: ignore[import-not-found]
    except ImportError:
        return object
    module = {"RayClusterApi": "kuberay_cluster_api", "RayjobApi": "kuberay_job_api"}[name]
    base: type = getattr(__import__(f"{python_client.__name__}.{module}", fromlist=[name]), name)
    return base


def connect() -> Any:
    """Return a Kubernetes API client for the kubeconfig's cluster, or for the cluster that we run in."""
    from kubernetes import client, config
    from kubernetes.config.config_exception import ConfigException

    with translated("reach a cluster"):
        try:
            config.load_kube_config()
        except ConfigException as missing:
            try:
                config.load_incluster_config()
            except ConfigException:
                raise missing from None
    return client.ApiClient()


class _Objects:
    """Create, read, patch, delete and watch the objects of one kind."""

    _plural: str
    _kind: str

    def __init__(self, api_client: Any = None) -> None:
        from kubernetes import client

        self.api = client.CustomObjectsApi(api_client or connect())

    def __del__(self) -> None:
        """Nothing to give back; upstream's version would drop ``api``."""

    def _at(self, namespace: str) -> dict[str, str]:
        return {"group": GROUP, "version": VERSION, "namespace": namespace, "plural": self._plural}

    def _create(self, body: Object, namespace: str) -> Object:
        with translated(f"create the {self._kind} '{body['metadata']['name']}'", namespace):
            created: Object = self.api.create_namespaced_custom_object(body=body, **self._at(namespace))
        return created

    def _get(self, name: str, namespace: str) -> Object:
        with translated(f"find the {self._kind} '{name}'", namespace):
            found: Object = self.api.get_namespaced_custom_object(name=name, **self._at(namespace))
        return found

    def _patch(self, name: str, body: Object, namespace: str) -> Object:
        with translated(f"change the {self._kind} '{name}'", namespace):
            patched: Object = self.api.patch_namespaced_custom_object(name=name, body=body, **self._at(namespace))
        return patched

    def _delete(self, name: str, namespace: str) -> None:
        with translated(f"delete the {self._kind} '{name}'", namespace):
            self.api.delete_namespaced_custom_object(name=name, **self._at(namespace))

    def wait_until_gone(self, name: str, k8s_namespace: str = "default", timeout: float = 120) -> None:
        """Wait until a deleted object has left; raises after ``timeout`` seconds."""
        try:
            for _ in self.watch(name, k8s_namespace, timeout):
                pass
        except (NotFound, Deleted):
            return
        raise RunFailed(
            f"the {self._kind} '{name}' is still there {timeout:.0f} s after it was deleted",
            why="its finalizer waits for the operator",
            fix="check that the KubeRay operator runs: kubectl get pods -A | grep kuberay",
        )

    def watch(self, name: str, k8s_namespace: str, timeout: float) -> Iterator[Object]:
        """Yield the object as it is and after every change, until ``timeout`` seconds are over or it is deleted."""
        from kubernetes import watch

        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0:
            current = self._get(name, k8s_namespace)
            yield current
            stream = watch.Watch()
            with translated(f"watch the {self._kind} '{name}'", k8s_namespace):
                for event in stream.stream(
                    self.api.list_namespaced_custom_object,
                    field_selector=f"metadata.name={name}",
                    resource_version=current["metadata"]["resourceVersion"],
                    timeout_seconds=max(1, int(min(left, 300))),
                    **self._at(k8s_namespace),
                ):
                    if event["type"] == "DELETED":
                        raise Deleted(
                            f"the {self._kind} '{name}' was deleted",
                            why="someone removed it while it was being watched",
                            fix="submit again with the same run id; it goes on from the results",
                        )
                    yield event["object"]


class RayjobApi(_Objects, _upstream("RayjobApi")):  # type: ignore[misc]
    """RayJobs: create, read, wait for, patch and delete them."""

    _plural, _kind = "rayjobs", "RayJob"

    def submit_job(self, k8s_namespace: str = "default", job: Any = None) -> Object:
        """Create a RayJob and return it."""
        return self._create(job, k8s_namespace)

    def get_job(self, name: str, k8s_namespace: str = "default") -> Object:
        """Return a RayJob."""
        return self._get(name, k8s_namespace)

    def get_job_status(self, name: str, k8s_namespace: str = "default", **_: Any) -> JobStatus:
        """Return its state at once."""
        return job_status(self._get(name, k8s_namespace))

    def wait_until_job_finished(
        self, name: str, k8s_namespace: str = "default", timeout: float = 60, **_: Any
    ) -> JobStatus:
        """Wait for the end, good or bad, and return it; raises after ``timeout`` seconds."""
        status = JobStatus(name)
        for job in self.watch(name, k8s_namespace, timeout):
            status = job_status(job)
            if status.finished:
                return status
        raise RunFailed(
            f"the RayJob '{name}' is {status.word} after {timeout:.0f} s",
            why=status.message or status.reason or "the operator gives no reason",
            fix=f"kubectl describe rayjob {name} -n {k8s_namespace} shows its events",
        )

    def patch_job(self, name: str, ray_patch: Any, k8s_namespace: str = "default") -> Object:
        """Change parts of a RayJob."""
        return self._patch(name, ray_patch, k8s_namespace)

    def delete_job(self, name: str, k8s_namespace: str = "default") -> None:
        """Delete a RayJob with its cluster."""
        self._delete(name, k8s_namespace)


class RayClusterApi(_Objects, _upstream("RayClusterApi")):  # type: ignore[misc]
    """RayClusters, which RayJobs make: read them."""

    _plural, _kind = "rayclusters", "RayCluster"

    def get_ray_cluster(self, name: str, k8s_namespace: str = "default") -> Object:
        """Return a RayCluster."""
        return self._get(name, k8s_namespace)


def current_namespace() -> str:
    """Return the namespace of the kubeconfig's context, ``default`` when it names none."""
    from kubernetes import config
    from kubernetes.config.config_exception import ConfigException

    try:
        _, active = config.list_kube_config_contexts()
    except ConfigException:
        return "default"
    namespace: str = active["context"].get("namespace") or "default"
    return namespace
