"""Looks at devices, Ray, shared memory, temporary folders, Dragonfly, Slurm and Kubernetes, and says what to do."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from perch.home import expanded

if TYPE_CHECKING:
    from perch.study import Study

State = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Finding:
    """One thing looked at. ``note``: not there, and only needed for some uses."""

    name: str
    state: State
    found: str
    fix: str = ""


def examine() -> Iterator[Finding]:
    """Everything, in the order of importance; nothing is started or changed."""
    for look in (
        python,
        cores,
        devices,
        ray,
        shared_memory,
        temporary,
        extras,
        dragonfly,
        slurm,
        containers,
        kubernetes,
    ):
        yield from _guarded(look)


def examine_study(path: str) -> Iterator[Finding]:
    """Whether a study can run on this machine: its files, its program, its space."""
    from perch.errors import PerchError
    from perch.runs.check import check
    from perch.runs.resolve import resolved
    from perch.study import load
    from perch.trainables import kind_of

    try:
        study = resolved(load(path))
        check(kind_of(study))
    except PerchError as error:
        yield Finding("study", "problem", f"{error.what} ({error.why})" if error.why else error.what, error.fix)
        return
    yield Finding(
        "study", "ok", f"{study.name}: {len(study.search_space.dimensions)} keys searched by {study.strategy_name}"
    )
    if study.trainable_is_ours:
        yield from idle_hyperparameters(study)
    if (program := study.program) is not None:
        from perch.programs.presets import PRESETS
        from perch.programs.process.version import installed_version

        preset = PRESETS.get(program.preset) if program.preset is not None else None
        found = (
            installed_version(program.words[0], Path(study.base), preset.distribution) if preset is not None else None
        )
        yield Finding("program", "ok", f"{program.words[0]} {found or ''}".strip())


def idle_hyperparameters(study: Study) -> Iterator[Finding]:
    """Searched hyperparameters that change nothing; the study's graphs are built for it, and kept."""
    from perch.data.graphs.store import default_cache
    from perch.memory.knobs import idle_knobs
    from perch.memory.known import sizes_of

    sizes, atom_features = sizes_of(study, default_cache())
    found = idle_knobs(study.trainable_name, study.search_space, sizes, atom_features, study.epochs)
    for knob in found:
        fix = "take it out of the space: it makes the search larger, and no result better" if knob.dead else ""
        yield Finding("space", "problem" if knob.dead else "note", knob.words, fix)
    if not found:
        yield Finding("space", "ok", "every searched hyperparameter changes something")


def _guarded(look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except Exception as error:  # a doctor that dies of what it finds helps nobody
        yield Finding(look.__name__, "problem", f"{type(error).__name__}: {error}", "report this with the text above")


def python() -> Iterator[Finding]:
    """Interpreter and the packages that matter."""
    names = ("perch-hpo", "ray", "torch", "torch-geometric", "ase", "tensorboard")
    found = ", ".join(f"{name} {version(name)}" for name in names)
    yield Finding("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}; {found}")


def cores() -> Iterator[Finding]:
    """Processor cores and memory that this process may use."""
    import psutil

    mine = len(os.sched_getaffinity(0))
    memory = psutil.virtual_memory().total / 2**30
    limit = _cgroup_limit_bytes()
    shown = f"{memory:.1f} GiB" + (
        f", of which {limit / 2**30:.1f} GiB are allowed" if limit and limit < memory * 2**30 else ""
    )
    yield Finding("cores, memory", "ok", f"{mine} cores, {shown}")


def _cgroup_limit_bytes() -> int | None:
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            text = Path(name).read_text().strip()
        except OSError:
            continue
        return int(text) if text.isdigit() and int(text) < 2**60 else None
    return None


def devices() -> Iterator[Finding]:
    """GPUs that torch can use."""
    import torch

    if not torch.cuda.is_available():
        driver = shutil.which("nvidia-smi") or shutil.which("rocm-smi")
        if driver:
            yield Finding(
                "GPUs", "problem", f"{driver} is there, torch sees no device", "compare driver and CUDA versions"
            )
        else:
            yield Finding("GPUs", "note", "none; trials train on the CPU")
        return
    for index in range(torch.cuda.device_count()):
        found = torch.cuda.get_device_properties(index)
        yield Finding(f"GPU {index}", "ok", f"{found.name}, {found.total_memory / 2**30:.0f} GiB")


def ray() -> Iterator[Finding]:
    """The cluster that RAY_ADDRESS names, or that a private Ray will be started."""
    address = os.environ.get("RAY_ADDRESS")
    if not address:
        yield Finding("Ray", "ok", f"{version('ray')}; RAY_ADDRESS is not set: a private Ray is started for each run")
        return
    script = "import ray,json; ray.init(address='auto', logging_level='ERROR', log_to_driver=False); print(json.dumps(ray.cluster_resources()))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        yield Finding(
            "Ray",
            "problem",
            f"{address} does not answer: {last}",
            "check RAY_ADDRESS and RAY_AUTH_TOKEN_PATH, or unset it",
        )
    else:
        yield Finding("Ray", "ok", f"{address}: {done.stdout.strip()}")


def shared_memory() -> Iterator[Finding]:
    """Shared memory, where Ray keeps its object store."""
    shm = Path("/dev/shm")  # noqa: S108
    free = shutil.disk_usage(shm).free if shm.is_dir() else 0
    shown = f"{free / 2**20:.0f} MiB free in /dev/shm"
    if free < 2**28:
        yield Finding(
            "shared memory", "problem", shown, "give the container more: --shm-size 1g, or an emptyDir of medium Memory"
        )
    else:
        yield Finding("shared memory", "ok", shown)


def temporary() -> Iterator[Finding]:
    """The temporary folder: sockets need a short path, logs need room."""
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    state: State = "ok" if free > 2**30 else "problem"
    yield Finding(
        "temporary",
        state,
        f"{folder}, {free / 2**30:.1f} GiB free",
        "" if state == "ok" else "make room, or set TMPDIR",
    )


def extras() -> Iterator[Finding]:
    """Optional packages."""
    for name, use in (("optuna", "tpe, gp"), ("wandb", "log: [wandb]"), ("kubernetes", "perch k8s")):
        try:
            yield Finding(name, "ok", version(name))
        except PackageNotFoundError:
            extra = "k8s" if name == "kubernetes" else name
            yield Finding(name, "note", f"not installed; only {use} needs it", f"install 'perch-hpo[{extra}]'")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    yield Finding("browser", "ok" if chromium else "note", chromium or "no Chromium; only tests need one")


def dragonfly() -> Iterator[Finding]:
    """The environment of Dragonfly, for bo and asha-bo."""
    from perch.suggesting.dragonfly import status

    ok, message, fix = status()
    yield Finding("Dragonfly", "ok" if ok else "note", message, fix)


def slurm() -> Iterator[Finding]:
    """Slurm: inside a job, on a node with its commands, or not at all."""
    job = os.environ.get("SLURM_JOB_ID")
    if job:
        yield Finding("Slurm", "ok", f"inside job {job} on {os.environ.get('SLURM_JOB_NUM_NODES', '?')} nodes")
    elif shutil.which("sbatch"):
        yield Finding("Slurm", "ok", f"{shutil.which('sbatch')}; not inside a job")
    else:
        yield Finding("Slurm", "note", "no sbatch here, and not inside a job")


def containers() -> Iterator[Finding]:
    """Container runtimes, and whether this is a container."""
    inside = os.environ.get("APPTAINER_CONTAINER") or os.environ.get("SINGULARITY_CONTAINER")
    if inside:
        yield Finding("container", "ok", f"inside {inside}")
    found = [name for name in ("apptainer", "singularity", "podman", "docker") if shutil.which(name)]
    yield Finding("runtimes", "ok" if found else "note", ", ".join(found) or "none on PATH")


def kubernetes() -> Iterator[Finding]:
    """Whether a Kubernetes cluster is configured."""
    config = expanded(os.environ.get("KUBECONFIG", "~/.kube/config").split(os.pathsep)[0])
    if os.environ.get("KUBERNETES_SERVICE_HOST"):
        yield Finding("Kubernetes", "ok", "inside a pod")
    elif config.is_file():
        tools = [name for name in ("kubectl", "helm") if shutil.which(name)]
        yield Finding("Kubernetes", "ok", f"{config}; {', '.join(tools) or 'neither kubectl nor helm on PATH'}")
    else:
        yield Finding("Kubernetes", "note", "no kubeconfig")
    if find_spec("kubernetes") is None and config.is_file():
        yield Finding("Kubernetes", "note", "its Python client is missing", "install 'perch-hpo[k8s]'")
