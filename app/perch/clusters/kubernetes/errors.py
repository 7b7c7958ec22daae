"""What Kubernetes refuses, as sentences: what, why, what to do."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

from perch.errors import ClusterError


class NothingStarted(ClusterError):
    """The cluster, the permission or the request is wrong; nothing was started."""

    exit_code = 2


class RunFailed(ClusterError):
    """The run was started and did not come to a good end."""


class Deleted(RunFailed):
    """Someone deleted what was being watched."""


class NotFound(NothingStarted):
    """The object that was asked for is not there."""


class AlreadyThere(NothingStarted):
    """An object of that name exists."""


@contextmanager
def translated(doing: str, namespace: str = "") -> Iterator[None]:
    """Turn what the Kubernetes client raises into a ClusterError that says what to do.

    ``doing`` completes "could not …", such as ``create the RayJob 'oh'``.
    """
    from kubernetes.client.exceptions import ApiException
    from kubernetes.config.config_exception import ConfigException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ApiException as error:
        raise explain(*_answer(error), doing, namespace) from error
    except ConfigException as error:
        raise NothingStarted(
            f"could not {doing}: no cluster is configured",
            why=str(error),
            fix="set KUBECONFIG, or log in to a cluster; kubectl get pods shows whether it works",
        ) from error
    except HTTPError as error:
        raise NothingStarted(
            f"could not {doing}: the cluster does not answer",
            why=_root(error),
            fix="check the network and the server in your kubeconfig: kubectl cluster-info",
        ) from error


def explain(code: int, message: str, doing: str, namespace: str) -> ClusterError:
    """Return the error for one refusal of the API server."""
    what = f"could not {doing}"
    lower = message.lower()
    if "exceeded quota" in lower:
        return NothingStarted(
            f"{what}: the quota of namespace '{namespace}' is used up",
            why=message,
            fix="ask for less (--workers, --cpus, --memory), wait for others to end, or have the quota raised",
        )
    if code == 401:
        return NothingStarted(f"{what}: the cluster does not know you", why=message, fix="log in again")
    if code == 403 and "violates podsecurity" in lower:
        return NothingStarted(
            f"{what}: the namespace's Pod Security Standard refuses the pod",
            why=message,
            fix="keep podSecurityContext and securityContext of the chart as they are",
        )
    if code == 403:
        return NothingStarted(
            f"{what}: {_lacking(message)}",
            why=message,
            fix=f"whoever administers namespace '{namespace}' grants it: kubectl -n {namespace} apply -f manifests/role.yaml "
            "(or clientRole.create in the chart), then binds the Role 'perch-client' to you",
        )
    if code == 404 and re.search(r'namespaces "[^"]*" not found', message):
        return NothingStarted(
            f"{what}: there is no namespace '{namespace}'",
            why=message,
            fix=f"kubectl create namespace {namespace}, or give another with --namespace",
        )
    if code == 404 and ("could not find the requested resource" in lower or "page not found" in lower):
        return NothingStarted(
            f"{what}: the cluster knows no ray.io/v1",
            why="the KubeRay operator's custom resources are not installed",
            fix="install the KubeRay operator 1.6 or later, then try again",
        )
    if code == 404:
        return NotFound(what, why=message, fix=f"look for the right name: kubectl get rayjobs -n {namespace}")
    if code == 409:
        return AlreadyThere(
            what, why=message, fix="give another --run-id, or remove the old one: perch k8s stop RUN --remove"
        )
    return NothingStarted(what, why=message, fix="the message above is the API server's own")


def _lacking(message: str) -> str:
    """The right that is missing, from the API server's sentence."""
    found = re.search(r'cannot (\w+) resource "([^"]+)"(?: in API group "([^"]*)")?', message)
    if found is None:
        return "you may not"
    verb, resource, group = found.groups()
    return f"you lack the verb '{verb}' on '{resource}'" + (f" ({group})" if group else "")


def _answer(error: object) -> tuple[int, str]:
    """Code and message of a refusal. One of a web socket (pods/exec) has no status of its own: it stands in the handshake's words."""
    reason = str(getattr(error, "reason", "") or "")
    handshake = re.search(r"Handshake status (\d{3})", reason)
    if handshake is None:
        return int(getattr(error, "status", 0) or 0), _message(error)
    words, _, body = (part.strip() for part in reason.partition(" -+-+- "))
    try:
        answer = ast.literal_eval(body.rpartition(" -+-+- ")[2])
        return int(handshake[1]), str(json.loads(answer)["message"])
    except (ValueError, SyntaxError, KeyError, TypeError):
        return int(handshake[1]), words


def _message(error: object) -> str:
    body = getattr(error, "body", None) or ""
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return str(body).strip() or str(getattr(error, "reason", error))


def _root(error: BaseException) -> str:
    reason = getattr(error, "reason", None)
    return _root(reason) if isinstance(reason, BaseException) else f"{type(error).__name__}: {error}"
