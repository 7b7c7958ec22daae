"""Which device a trial trains on, how many threads it uses, and how much memory it took."""

from __future__ import annotations

import resource
from pathlib import Path

import torch

from perch.errors import StudyError
from perch.training.allocator import keep_freed_memory

_RESET_PEAK = "5"
"""Linux: written to /proc/self/clear_refs, it makes the process's peak memory start anew."""


def find_device(name: str = "auto") -> torch.device:
    """The device of that name: ``auto`` (a GPU if there is one), ``cpu``, ``cuda``, ``cuda:1``, ``mps``.

    Raises StudyError when this machine does not have it.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise StudyError(
            f"no device is called '{name}'", why=str(error).splitlines()[0], fix="use auto, cpu, cuda or cuda:0"
        ) from error
    have = available_devices()
    wanted = f"cuda:{device.index or 0}" if device.type == "cuda" else device.type
    if wanted not in have:
        raise StudyError(
            f"this machine has no device '{name}'", why=f"it has: {', '.join(have)}", fix="use one of them"
        )
    return device


def available_devices() -> list[str]:
    """Names of the devices that torch can use here."""
    found = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    return [*found, "mps"] if torch.backends.mps.is_available() else found


def describe(device: torch.device) -> str:
    """The device in words: ``cpu (2 threads)``, ``cuda:0 (NVIDIA A100-SXM4-40GB)``."""
    if device.type == "cuda":
        return f"cuda:{device.index or 0} ({torch.cuda.get_device_name(device)})"
    if device.type == "cpu":
        count = torch.get_num_threads()
        return f"cpu ({count} thread{'s' * (count > 1)})"
    return device.type


def set_threads(threads: int | None) -> None:
    """Give torch so many threads (None: as they are), flush denormals, which slow every operation on a CPU, and keep freed memory."""
    if threads is not None and torch.get_num_threads() != max(threads, 1):
        torch.set_num_threads(max(threads, 1))
    torch.set_flush_denormal(True)
    keep_freed_memory()


def set_tf32(device: torch.device, on: bool) -> None:
    """Let a GPU that can (compute capability 8 and above) multiply float32 matrices in TF32; sums stay float32.

    Each factor is rounded to a mantissa of 10 bits. Nothing changes on a CPU.
    """
    if device.type == "cuda":
        can = torch.cuda.get_device_capability(device) >= (8, 0) and torch.version.hip is None
        torch.backends.cuda.matmul.allow_tf32 = on and can


def reset_peak_memory(device: torch.device) -> None:
    """Let ``peak_memory_bytes`` start anew."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    try:
        Path("/proc/self/clear_refs").write_text(_RESET_PEAK)
    except OSError:  # not Linux, or not allowed: the peak is then that of the whole process
        return


def peak_memory_bytes(device: torch.device) -> int:
    """Largest memory since the last reset: what torch held of the GPU, its reserve included, or this process's on a CPU.

    The context of a process on a GPU (``assigned.CONTEXT_BYTES``) comes on top.
    """
    if device.type == "cuda":
        return int(torch.cuda.max_memory_reserved(device))
    try:
        status = Path("/proc/self/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) * 1024
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
