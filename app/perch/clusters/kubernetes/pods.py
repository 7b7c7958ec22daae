"""Pods of a run: finding the head, running a command in one, and a restricted helper on the results claim."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from perch.clusters.kubernetes.errors import RunFailed, translated
from perch.clusters.kubernetes.trouble import pod_trouble

HELPER_SECONDS: Final = 900
"""A helper pod ends by itself after this long, whatever becomes of us."""


def head_pod(core: Any, namespace: str, cluster: str) -> Any | None:
    """Return the running head pod of a Ray cluster, the newest if there are two; None when there is none."""
    if not cluster:
        return None
    with translated(f"find the head pod of '{cluster}'", namespace):
        selector = f"ray.io/cluster={cluster},ray.io/node-type=head"
        pods = core.list_namespaced_pod(namespace, label_selector=selector).items
    alive = [p for p in pods if p.status.phase == "Running" and p.metadata.deletion_timestamp is None]
    return max(alive, key=lambda p: p.metadata.creation_timestamp, default=None)


def execute(core: Any, namespace: str, pod: str, container: str, command: Sequence[str]) -> Iterator[str]:
    """Run a command in a container and yield what it prints, piece by piece; raise when it exits non-zero."""
    from kubernetes.stream import stream

    with translated(f"run a command in pod '{pod}'", namespace):
        channel = stream(
            core.connect_get_namespaced_pod_exec,
            pod,
            namespace,
            container=container,
            command=list(command),
            stdout=True,
            stderr=True,
            stdin=False,
            tty=False,
            _preload_content=False,
        )
        errors = ""
        while channel.is_open():
            channel.update(timeout=10)
            if channel.peek_stdout():
                yield channel.read_stdout()
            if channel.peek_stderr():
                errors += channel.read_stderr()
        if channel.returncode:
            raise RunFailed(
                f"a command in pod '{pod}' ended with exit code {channel.returncode}",
                why=errors.strip()[-800:],
                fix=f"kubectl exec -n {namespace} {pod} -c {container} -- … shows more",
            )


@contextmanager
def helper(
    core: Any,
    namespace: str,
    name: str,
    image: str,
    claim: str,
    security: dict[str, Any] | None = None,
    seconds: float = 120,
) -> Iterator[str]:
    """Start a restricted pod with the claim under /results, read-only; yield its name and delete it at the end."""
    from kubernetes import watch

    pod = f"{name[:40]}-fetch-{secrets.token_hex(3)}"
    with translated(f"start the helper pod '{pod}'", namespace):
        core.create_namespaced_pod(namespace, helper_pod(pod, name, image, claim, security))
    try:
        stream = watch.Watch()
        with translated(f"watch the helper pod '{pod}'", namespace):
            for event in stream.stream(
                core.list_namespaced_pod,
                namespace,
                field_selector=f"metadata.name={pod}",
                timeout_seconds=int(seconds),
            ):
                found = event["object"]
                if found.status.phase == "Running":
                    break
                trouble = pod_trouble(found)
                if trouble or found.status.phase == "Failed":
                    raise RunFailed(
                        trouble.what if trouble else f"the helper pod '{pod}' failed",
                        why=trouble.why if trouble else found.status.message or "",
                        fix=trouble.fix if trouble else f"kubectl describe pod {pod} -n {namespace}",
                    )
            else:
                raise RunFailed(
                    f"the helper pod '{pod}' did not start within {seconds:.0f} s",
                    why="its claim or its image may not be there",
                    fix=f"kubectl get events -n {namespace} shows why",
                )
        yield pod
    finally:
        with translated(f"delete the helper pod '{pod}'", namespace):
            core.delete_namespaced_pod(pod, namespace, grace_period_seconds=0)


SECURITY: Final = {
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "runAsGroup": 0,
    "fsGroup": 10001,
    "fsGroupChangePolicy": "OnRootMismatch",
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""The chart's own, for a run whose RayJob is gone."""


def helper_pod(pod: str, run_id: str, image: str, claim: str, security: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the helper: restricted, read-only, ended by itself, under the user that the run's pods have."""
    container = {
        "name": "fetch",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sleep", str(HELPER_SECONDS)],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "resources": {
            "requests": {"cpu": "50m", "memory": "64Mi", "ephemeral-storage": "64Mi"},
            "limits": {"cpu": "1", "memory": "256Mi", "ephemeral-storage": "256Mi"},
        },
        "volumeMounts": [{"name": "results", "mountPath": "/results", "readOnly": True}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod,
            "labels": {
                "app.kubernetes.io/name": "perch",
                "app.kubernetes.io/component": "fetch",
                "perch-hpo/run": run_id,
            },
        },
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "activeDeadlineSeconds": HELPER_SECONDS,
            "terminationGracePeriodSeconds": 0,
            "securityContext": security or SECURITY,
            "containers": [container],
            "volumes": [{"name": "results", "persistentVolumeClaim": {"claimName": claim, "readOnly": True}}],
        },
    }
