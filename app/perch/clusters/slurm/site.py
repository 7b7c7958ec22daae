"""``cluster.yaml``: what is particular about a site, written once by whoever knows it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from perch import yaml12
from perch.errors import ClusterError, did_you_mean

Word = Annotated[str, StringConstraints(pattern=r"^[^\s\"'`$#;&|<>\\]+$")]
"""One word that goes into a ``#SBATCH`` line as it is."""


class Site(BaseModel):
    """Every setting has a default that suits a plain site."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account: Word | None = Field(None, description="#SBATCH --account")
    partition: Word | None = Field(None, description="#SBATCH --partition")
    qos: Word | None = Field(None, description="#SBATCH --qos")
    constraint: Word | None = Field(None, description="#SBATCH --constraint")
    sbatch: tuple[Word, ...] = Field((), description="more options for sbatch, such as --exclusive")
    modules: tuple[Word, ...] = Field((), description="modules to load before anything else")
    runtime: str = Field("apptainer", description="apptainer or singularity, with a path or a wrapper if need be")
    container_options: str = Field("", description="more options for the runtime")
    gpu: Literal["nvidia", "amd"] = Field("nvidia", description="whose devices --gpus-per-node means")
    private_pids: bool = Field(True, description="a private PID namespace; a site may drop it silently")
    sif: str | None = Field(None, description="where the SIF lies; default: perch.sif next to the job's script")
    binds: tuple[Word, ...] = Field((), description="folders to show inside, as src[:dest[:ro]]")
    pass_env: tuple[Word, ...] = Field((), description="more variables to let into the container, by name")
    interface: Word | None = Field(None, description="network interface, such as ib0 or hsn0")
    node_tmp: Word = Field("/tmp", description="folder on the node's own disk")  # noqa: S108 — mkdtemp inside
    stage: bool = Field(False, description="copy the SIF to node_tmp, once per node")
    requeue: bool = Field(True, description="false where the site forbids scontrol requeue: use --chain")
    max_requeues: int = Field(20, ge=0, description="how often a job may put itself back into the queue")
    warning_s: int = Field(300, ge=30, description="seconds before the end at which the run saves and stops")


def load_site(path: Path | None) -> Site:
    """Read a site file; without one, the defaults. Raises ClusterError (exit 2) that names the key."""
    if path is None:
        return Site()
    try:
        content = yaml12.load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise _bad(
            f"cannot read the site file '{path}'", str(error), "give a YAML file, or leave --site out"
        ) from error
    if not isinstance(content, dict):
        raise _bad(f"'{path}' is no site file", "its top level is not a list of settings", "write 'partition: gpu'")
    try:
        return Site(**content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            why = did_you_mean(key, Site.model_fields)
            raise _bad(f"'{path}' has no setting '{key}'", why, "correct its name") from error
        raise _bad(
            f"'{path}': {key}: {first['msg']}", str(Site.model_fields[key.split(".")[0]].description), "correct it"
        ) from error


def _bad(what: str, why: str, fix: str) -> ClusterError:
    error = ClusterError(what, why=why, fix=fix)
    error.exit_code = 2
    return error
