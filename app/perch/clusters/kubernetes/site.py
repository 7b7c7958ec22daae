"""``cluster.yaml`` for Kubernetes: what is particular about a cluster, written once by whoever knows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, ValidationError

from perch.clusters.kubernetes.errors import NothingStarted
from perch.clusters.site_file import read_settings
from perch.errors import did_you_mean
from perch.fields import Model

VERSION: Final = 1
"""Of the site file: raised when a setting gets another meaning."""


class Toleration(Model):
    """As Kubernetes writes it."""

    key: str | None = Field(None, description="the taint's key; none: every taint")
    operator: Literal["Equal", "Exists"] = Field("Equal", description="Equal, or Exists for any value")
    value: str | None = Field(None, description="the taint's value")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        None, description="the taint's effect; none: each"
    )


class Pods(Model):
    """Where head or workers go, and how large they are."""

    cpus: str = Field("", description="CPUs, as Kubernetes writes them; --head-cpus or --cpus wins")
    memory: str = Field("", description="memory, such as 8Gi; --head-memory or --memory wins")
    node_selector: dict[str, str] = Field(default_factory=dict, description="labels that a node must have")
    tolerations: tuple[Toleration, ...] = Field((), description="taints that keep the pods off no node")
    priority_class: str = Field("", description="priority class of the pods")


class KubernetesSite(Model):
    """Every setting has a default that suits a plain cluster."""

    version: int = Field(VERSION, description="of the site file's format")
    image: str = Field("", description="the image; --image wins")
    pull_secrets: tuple[str, ...] = Field((), description="existing secrets to pull it with")
    claim: str = Field("", description="an existing claim for the results; --claim wins")
    storage_class: str = Field("", description="class of a new claim; --storage-class wins")
    single_node: bool = Field(False, description="all pods on one node, with a ReadWriteOnce claim")
    gpu_resource: str = Field(
        "nvidia.com/gpu", description="what a GPU is called: nvidia.com/gpu, amd.com/gpu, a MIG profile"
    )
    arbitrary_uid: bool = Field(
        False, description="leave users and groups of the pods to the cluster, as OpenShift's restricted SCC wants it"
    )
    head: Pods = Field(default_factory=Pods, description="the head pod")
    workers: Pods = Field(default_factory=Pods, description="the worker pods")


def load_site(path: Path | None) -> KubernetesSite:
    """Read a site file; without one, the defaults. Raises NothingStarted that names the key."""
    if path is None:
        return KubernetesSite()
    content = read_settings(path, VERSION, "image: …", NothingStarted)
    try:
        return KubernetesSite(**content)
    except ValidationError as error:
        raise _refused(path, error.errors()[0]) from error


def _refused(path: Path, first: Any) -> NothingStarted:
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] != "extra_forbidden":
        return NothingStarted(f"'{path}': {key}: {first['msg']}", why="the setting cannot be read", fix="correct it")
    model: Any = Pods if first["loc"][0] in ("head", "workers") and len(first["loc"]) > 1 else KubernetesSite
    slurm = first["loc"][0] in ("account", "partition", "sbatch", "sif", "runtime", "node_tmp")
    return NothingStarted(
        f"'{path}': there is no setting '{key}'",
        why="it is one of Slurm's site files" if slurm else did_you_mean(str(first["loc"][-1]), model.model_fields),
        fix="give the cluster's own file"
        if slurm
        else "correct its name, or remove it if another version of Perch wrote the file",
    )
