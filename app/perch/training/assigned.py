"""The device that a trial was given: GPUs are hidden where none was asked for, and a share of one has a memory limit."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from perch.errors import DeviceError
from perch.formatting import gigabytes
from perch.training.device import describe, find_device
from perch.vocabulary import NO_GPUS

CONTEXT_BYTES = 600 * 2**20
"""Memory of a device that a process takes outside torch's allocator: the context and the libraries' kernels."""


@dataclass(frozen=True)
class Assigned:
    """A device by torch's name, and what is known of it: how much of a GPU, which one, and bytes that it may allocate."""

    name: str
    share: float = 0.0
    gpu: str = ""
    most_bytes: int | None = None

    @property
    def words(self) -> str:
        """For people: ``cuda:0 (NVIDIA A100), 0.25 of GPU 3, at most 9.4 GB``."""
        words = describe(find_device(self.name))
        if self.gpu:
            words += f", {self.share:g} of GPU {self.gpu}" if self.share < 1 else f", GPU {self.gpu}"
        return words if self.most_bytes is None else f"{words}, at most {gigabytes(self.most_bytes)}"


def take_device(gpus: float | None, ids: Sequence[int | str] = ()) -> Assigned:
    """Make the device of a trial the one that this process uses; to be called before anything asks torch for a GPU.

    ``gpus``: how many the trial was given, None where nothing has assigned any. ``ids``: which ones, as Ray names them.
    A share of a GPU may allocate that share of its memory, less what a process takes outside torch's allocator.
    Raises DeviceError where torch does not see the GPU that was given.
    """
    if gpus is None:
        return Assigned("auto")
    if gpus == 0:
        os.environ.update(NO_GPUS)
        return Assigned("cpu")
    index = _index(ids)
    seen = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if index + math.ceil(gpus) > seen:
        raise DeviceError(
            f"the trial was given {gpus:g} GPUs, and torch sees {seen}",
            why=f"Ray names {', '.join(map(str, ids)) or 'none'}; CUDA_VISIBLE_DEVICES is "
            f"{os.environ.get('CUDA_VISIBLE_DEVICES')!r}; torch is {torch.__version__}",
            fix="see 'perch doctor': driver and torch's build must fit; or train without (resources: {gpus: 0})",
        )
    device = torch.device("cuda", index)
    torch.cuda.set_device(device)
    total_bytes = int(torch.cuda.get_device_properties(device).total_memory)
    fraction = min(gpus, 1.0)
    if gpus < 1:
        fraction = max(gpus - CONTEXT_BYTES / total_bytes, gpus / 2)
    torch.cuda.set_per_process_memory_fraction(fraction, device)
    most = int(fraction * total_bytes) if gpus < 1 else None
    return Assigned(f"cuda:{index}", gpus, str(ids[0]) if ids else str(index), most)


def device_here(gpus: float | None) -> str:
    """The device of a training outside of Ray: ``cpu``, with GPUs hidden, where the study asks for none; else ``auto``."""
    return take_device(0.0).name if gpus == 0 else "auto"


def _index(ids: Sequence[int | str]) -> int:
    """Torch's index of the first of these GPUs: it counts those that are visible."""
    if not ids:
        return 0
    visible = [part.strip() for part in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if part.strip()]
    if str(ids[0]) in visible:
        return visible.index(str(ids[0]))
    return int(ids[0]) if str(ids[0]).isdigit() else 0
