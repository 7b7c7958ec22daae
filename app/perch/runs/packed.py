"""``resources: {gpus: auto}``: the share of a GPU that a trial gets, decided before Ray starts."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from perch.errors import StudyError
from perch.runs.starting_point import starting_point
from perch.trainables import Data, Kind
from perch.view.steps import Steps


def packed(kind: Kind, data: Data, say: Callable[[str], None], steps: Steps) -> Data:
    """The data with a study whose ``resources.gpus`` is a number, where it was ``auto``.

    On one machine throughput side by side is measured, once for each kind of GPU; on a cluster memory alone decides, and
    ``resources.gpu_memory`` must say what its GPUs have. Raises StudyError where it does not, or the trainable's needs are unknown.
    """
    study = data.study
    if study.resources.gpus != "auto":
        return data
    from perch.memory.limit import memory_here

    here = None if os.environ.get("RAY_ADDRESS") else memory_here()
    gpu_bytes = study.resources.gpu_memory or here
    if gpu_bytes is None and not os.environ.get("RAY_ADDRESS"):
        say("note: resources.gpus is auto, and this machine has no GPU: trials train on the CPU")
        return _with(data, 0.0)
    if gpu_bytes is None:
        raise StudyError(
            "resources.gpus: auto needs to know the memory of a GPU", why="the workers of this cluster are not this machine",
            fix="set resources.gpu_memory (16GB), or say resources.gpus yourself",
        )  # fmt: skip
    with steps.step("counting what configurations take of a GPU"):
        sized = kind.sized(data)
    if sized is None:
        raise StudyError(
            "resources.gpus: auto needs a network of Perch", why="what this trainable takes of a GPU is not known before it trains",
            fix="say resources.gpus yourself: 1, or 0.25 for four trials to a GPU",
        )  # fmt: skip
    from perch.memory.packing import packing

    speeds, name = _measured(data, steps) if here is not None else ({}, "")
    found = packing(study.search_space, sized, gpu_bytes, speeds, name)
    say(f"note: {found.words}")
    return _with(data, found.share)


def _measured(data: Data, steps: Steps) -> tuple[dict[int, float], str]:
    """Throughput side by side on this machine's GPU, and its name."""
    import torch

    from perch.memory.side_by_side import throughput_of

    if data.prepared is None or not torch.cuda.is_available():
        return {}, ""
    study, name = data.study, torch.cuda.get_device_name(0)
    config = starting_point(study) or study.search_space.draw(study.seed, 0)
    with steps.step(f"measuring trials side by side on {name}, once"):
        return throughput_of("cuda:0", name, Path(data.cache), data.prepared, config, study.trainable_name), name


def _with(data: Data, gpus: float) -> Data:
    resources = data.study.resources.model_copy(update={"gpus": gpus})
    return replace(data, study=data.study.model_copy(update={"resources": resources}))
