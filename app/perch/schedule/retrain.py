"""Trains configurations of a run's study from the start, several at once, each in a process with its share of the cores."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from perch.study import Study, parse
from perch.trainables import kind_of

Curve = list[dict[str, Any]]
"""What a training reported, epoch by epoch; shorter than asked for when it diverged."""


def train_curves(
    study: Study,
    configs: Sequence[Mapping[str, Any]],
    keys: Sequence[str],
    epochs: int,
    cache: Path,
    *,
    schedule_epochs: int | None = None,
    done: Callable[[int], None] = lambda _: None,
) -> list[Curve]:
    """Train each configuration for ``epochs`` epochs with randomness from (study's seed, its key).

    ``schedule_epochs``: what a named schedule stretches over (default: ``epochs``). ``done`` is called with how many have
    ended. Raises StudyError for a kind of trainable that needs Ray.
    """
    threads = max(1, int(study.resources.cpus))
    places = places_here(study.resources.gpus_each)[
        : max(1, min(len(configs), len(os.sched_getaffinity(0)) // threads))
    ]
    spec = study.model_dump(mode="json", by_alias=True)
    context = multiprocessing.get_context("spawn")
    free = context.Queue()
    for place in places:
        free.put(place)
    with ProcessPoolExecutor(len(places), context, _take_place, (free, study.resources.gpus_each)) as pool:
        jobs = [
            pool.submit(_train, spec, dict(config), key, epochs, schedule_epochs or epochs, str(cache))
            for config, key in zip(configs, keys, strict=True)
        ]
        out = []
        for job in jobs:
            out.append(job.result())
            done(len(out))
    return out


def places_here(gpus: float | None) -> list[str]:
    """The devices of processes that train at once, a name for each: GPUs as many times as trials fit, else ``cpu`` per core."""
    import torch

    devices = 0 if gpus == 0 else torch.cuda.device_count()
    if not devices:
        return ["cpu"] * len(os.sched_getaffinity(0))
    each = max(int(1 / gpus + 1e-6), 1) if gpus else 1
    return [f"cuda:{n}" for _ in range(each) for n in range(devices)]


_device = "auto"
"""Of a process that trains: set when it starts."""


def _take_place(free: Any, gpus: float | None) -> None:
    """Take a place nobody has; called once by each process, before it does anything else."""
    from perch.training.assigned import device_here

    global _device
    _device = free.get()
    if _device == "cpu":
        device_here(gpus)


def _train(
    spec: Mapping[str, Any], config: Mapping[str, Any], key: str, epochs: int, schedule_epochs: int, cache: str
) -> Curve:  # fmt: skip
    return kind_of(parse(spec)).curve(
        config, key, epochs, schedule_epochs=schedule_epochs, cache=Path(cache), device=_device
    )
