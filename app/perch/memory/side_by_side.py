"""Throughput of trials side by side on one device: measured once for each kind of device, and kept in the cache."""

from __future__ import annotations

import json
import multiprocessing
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from perch.atomic import replacing
from perch.data.prepare import Prepared
from perch.errors import DeviceError
from perch.memory.packing import COUNTS

FOLDER: Final = "devices"
EPOCHS: Final = 3
"""Epochs that each trial trains side by side, after one that warms it up."""
PATIENCE_S: Final = 300.0
"""A process that says nothing for so long is given up."""


def throughput_of(
    device: str, name: str, cache: Path, prepared: Prepared, config: Mapping[str, Any], model: str
) -> dict[int, float]:
    """Epochs a second of 1, 2, 4, 8 trials of this configuration on the device: as kept under its ``name``, or measured now."""
    file = cache / FOLDER / f"{re.sub('[^A-Za-z0-9]+', '-', name)}.json"
    known = _kept(file)
    if known is None:
        known = measure(device, COUNTS, prepared, config, model)
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as path:
            path.write_text(json.dumps({str(count): speed for count, speed in known.items()}), encoding="utf-8")
    return known


def _kept(file: Path) -> dict[int, float] | None:
    try:
        return {int(count): float(speed) for count, speed in json.loads(file.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, AttributeError):
        return None


def measure(
    device: str, counts: Sequence[int], prepared: Prepared, config: Mapping[str, Any], model: str, epochs: int = EPOCHS
) -> dict[int, float]:
    """Epochs a second of so many trials in processes of their own. It ends at the first number of which one fails."""
    found: dict[int, float] = {}
    for count in counts:
        seconds = _together(device, count, prepared, config, model, epochs)
        if seconds is None:
            break
        found[count] = sum(epochs / one for one in seconds)
    if not found:
        raise DeviceError(
            f"no trial trains on {device}", why="the one that was to be measured failed; its error stands above",
            fix="see 'perch doctor', or say how many trials share a GPU (resources.gpus)",
        )  # fmt: skip
    return found


def _together(
    device: str, count: int, prepared: Prepared, config: Mapping[str, Any], model: str, epochs: int
) -> list[float] | None:
    """Seconds that each trial takes for its epochs, all begun at the same moment; None where one has failed."""
    context = multiprocessing.get_context("spawn")
    ends = [context.Pipe() for _ in range(count)]
    given = (device, 1 / count, prepared, dict(config), model, epochs)
    processes = [context.Process(target=_trial, args=(*given, theirs), daemon=True) for _, theirs in ends]
    for process in processes:
        process.start()
    for _, theirs in ends:
        theirs.close()
    try:
        for mine, _ in ends:
            if not mine.poll(PATIENCE_S) or mine.recv() != "ready":
                return None
        for mine, _ in ends:
            mine.send("go")
        return [mine.recv() if mine.poll(PATIENCE_S) else float("inf") for mine, _ in ends]
    except EOFError:  # it has died, out of memory say
        return None
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _trial(
    device: str, share: float, prepared: Prepared, config: dict[str, Any], model: str, epochs: int, pipe: Any
) -> None:
    import torch

    from perch.training.assigned import take_device
    from perch.training.loop import Training

    if device.startswith("cuda"):
        take_device(share, [torch.device(device).index or 0])
    training = Training(
        prepared, config, epochs=1000, seed=0, key="side by side", device=device, threads=1, model=model
    )
    training.epoch()
    pipe.send("ready")
    pipe.recv()
    began_s = time.perf_counter()
    for _ in range(epochs):
        training.epoch()
    pipe.send(time.perf_counter() - began_s)
