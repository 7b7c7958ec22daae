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
    workers = max(1, min(len(configs), len(os.sched_getaffinity(0)) // threads))
    spec = study.model_dump(mode="json", by_alias=True)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context) as pool:
        jobs = [
            pool.submit(_train, spec, dict(config), key, epochs, schedule_epochs or epochs, str(cache))
            for config, key in zip(configs, keys, strict=True)
        ]
        out = []
        for job in jobs:
            out.append(job.result())
            done(len(out))
    return out


def _train(
    spec: Mapping[str, Any], config: Mapping[str, Any], key: str, epochs: int, schedule_epochs: int, cache: str
) -> Curve:  # fmt: skip
    return kind_of(parse(spec)).curve(config, key, epochs, schedule_epochs=schedule_epochs, cache=Path(cache))
