"""How much memory of a GPU a trial may take: as the study says, or as this machine's GPU has."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass

from perch.study import Study


@dataclass(frozen=True)
class Limit:
    """Bytes of one trial, and where they come from, for people."""

    bytes: float
    source: str


def limit_of(study: Study, gpu_bytes: float | None = None, *, look: bool = True) -> Limit | None:
    """A trial's share of a GPU's memory; None where it trains on a CPU, or nothing is known of its GPU.

    ``gpu_bytes``: what was asked for on the command line, before what the study says. ``look``: where neither says anything, this
    machine's GPU counts.
    """
    gpus = study.resources.gpus_each
    if gpus == 0:
        return None
    share = min(gpus, 1.0) if gpus is not None else 1.0
    said = gpu_bytes if gpu_bytes is not None else study.resources.gpu_memory
    source = "as asked" if gpu_bytes is not None else "resources.gpu_memory"
    if said is None:
        here = memory_here() if look else None
        if here is None:
            return None
        said, source = here, "this machine's smallest GPU"
    return Limit(said * share, source if share == 1 else f"{source}, {share:g} of it")


def memory_here() -> float | None:
    """Bytes of this machine's smallest GPU; None where nvidia-smi shows none. No GPU is touched by this process."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return None
    asked = [command, "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = [float(line) for line in done.stdout.split() if line.replace(".", "", 1).isdigit()]
    return min(found) * 2**20 if done.returncode == 0 and found else None
