"""``cluster.yaml``: what is particular about a site, written once by whoever knows it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from perch.clusters.site_file import read_settings
from perch.clusters.slurm.refuse import bad
from perch.errors import did_you_mean
from perch.home import expanded

VERSION: Final = 1
"""Of the site file: raised when a setting gets another meaning."""

NODE_VARIABLES: Final = (
    "TMPDIR", "USER", "SLURM_JOB_ID", "SLURM_JOB_USER", "SLURM_ARRAY_JOB_ID", "SLURM_TMPDIR", "LOCAL_SCRATCH", "LSCRATCH",
    "SCRATCH_LOCAL",
)  # fmt: skip
"""What ``node_tmp`` may hold; ``batch/disk.sh`` reads them on each node."""


def _node_path(text: str) -> str:
    for name in re.findall(r"\$\{?([A-Za-z_]*)", text):
        if name not in NODE_VARIABLES:
            raise ValueError(f"it may not hold ${name}; known on the nodes: {', '.join(NODE_VARIABLES)}")
    if not text.startswith(("/", "$")):
        raise ValueError("it must be absolute: /local/scratch, or $TMPDIR")
    return text


def _home(text: str) -> str:
    return str(expanded(text)) if text.startswith("~") else text


def _bind(text: str) -> str:
    source, colon, rest = text.partition(":")
    return _home(source) + colon + rest


Word = Annotated[str, StringConstraints(pattern=r"^[^\s\"'`$#;&|<>\\]+$")]
"""One word that goes into a ``#SBATCH`` line as it is."""

FilePath = Annotated[str, StringConstraints(min_length=1, pattern=r"^[^\n\r\x00]+$"), AfterValidator(_home)]
"""A path on the cluster, spaces and all; ``~`` is the home of whoever writes the script."""

Bind = Annotated[str, StringConstraints(min_length=1, pattern=r"^[^\n\r\x00,]+$"), AfterValidator(_bind)]
"""``src[:dest[:ro]]`` as Apptainer reads it."""

NodePath = Annotated[str, StringConstraints(pattern=r"^[^\n\r\x00:,`]+$"), AfterValidator(_node_path)]
"""A folder on the node's own disk, with variables that are read there."""


class Site(BaseModel):
    """Every setting has a default that suits a plain site."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = Field(VERSION, description="of the site file's format")
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
    sif: FilePath | None = Field(None, description="where the SIF lies; default: perch.sif next to the job's script")
    binds: tuple[Bind, ...] = Field((), description="folders to show inside, as src[:dest[:ro]]")
    pass_env: tuple[Word, ...] = Field((), description="more variables to let into the container, by name")
    interface: Word | None = Field(None, description="network interface, such as ib0 or hsn0")
    node_tmp: NodePath = Field("/tmp", description="folder on the node's own disk, such as $TMPDIR")  # noqa: S108
    stage: bool = Field(False, description="copy the SIF to node_tmp, once per node")
    stage_gb: int = Field(50, ge=1, description="gigabytes of such copies that stay, the ones last used")
    requeue: bool = Field(True, description="false where the site forbids scontrol requeue: use --chain")
    max_requeues: int = Field(20, ge=0, description="how often a job may put itself back into the queue")
    warning_s: int = Field(300, ge=30, description="seconds before the end at which the run saves and stops")


def load_site(path: Path | None) -> Site:
    """Read a site file; without one, the defaults. Raises ClusterError (exit 2) that names the key."""
    if path is None:
        return Site()
    content = read_settings(path, VERSION, "partition: gpu", bad)
    try:
        return Site(**content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise bad(
                f"'{path}': there is no setting '{key}'",
                why=did_you_mean(key, Site.model_fields),
                fix="correct its name, or remove it if another version of Perch wrote the file",
            ) from error
        raise bad(
            f"'{path}': {key}: {first['msg']}",
            why=str(Site.model_fields[key.split(".")[0]].description),
            fix="correct it",
        ) from error
