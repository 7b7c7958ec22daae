"""``perch space``: what the space of a study holds, which part of it fits a GPU, and which hyperparameters change nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from perch import yaml12
from perch.dimension import Choice
from perch.errors import StudyError
from perch.formatting import gigabytes
from perch.memory.estimate import Estimate
from perch.memory.fitting import Condition, Part, part_of, suggestion
from perch.memory.knobs import Knob, idle_knobs
from perch.memory.known import estimate_of
from perch.memory.limit import Limit, limit_of
from perch.memory.parts import AROUND_BYTES, RESERVE_SHARE
from perch.space import Space
from perch.study import Study

BLAMED = 3
"""Hyperparameters that are named."""


def space_lines(
    study: Study, cache: Path, gpu_bytes: float | None = None, progress: Callable[[int, int], None] | None = None
) -> Iterator[str]:
    """Lines for people. Raises StudyError for a limit that no configuration can meet."""
    space = study.search_space
    yield from dimensions(space)
    if not study.trainable_is_ours:
        yield from unknown(study)
        return
    device = torch.device("cuda:0") if torch.cuda.is_available() else None
    estimate = estimate_of(study, cache, device=device, progress=progress)
    limit = limit_of(study, gpu_bytes)
    yield from method(estimate)
    if limit is None:
        part = part_of(space, estimate, float("inf"))
        yield f"a trial takes {_range(part)}; say --gpu-memory 16GB to see what fits"
    else:
        yield from fitting(space, estimate, limit)
    yield from knobs(idle_knobs(study.trainable_name, space, estimate.sizes, estimate.atom_features, study.epochs))


def dimensions(space: Space) -> Iterator[str]:
    """A line for each searched hyperparameter."""
    yield f"{len(space.dimensions)} searched hyperparameters:"
    for name, dimension in space.dimensions.items():
        if isinstance(dimension, Choice):
            yield f"  {name}: one of {', '.join(map(str, dimension.values))}"
        else:
            yield f"  {name}: {dimension.low:g} to {dimension.high:g}{', logarithmic' if dimension.log else ''}"
    for text in space.where:
        yield f"  where {text}"


def unknown(study: Study) -> Iterator[str]:
    """What cannot be known of a program, or of a class or function."""
    what = "program" if study.program is not None else "class or function"
    yield (
        f"memory: not known. '{study.trainable_name}' is a {what} of its own: what it takes shows when it trains, in the column "
        "peak_memory_bytes if it reports that; a trial that runs out of memory is a failed row of its own"
    )
    yield (
        "hyperparameters that change nothing: not known either. Every searched key reaches the trainable; whether it heeds it, only a "
        "training shows"
    )


def method(estimate: Estimate) -> Iterator[str]:
    """How the numbers came about, and how far off they may be."""
    terms, sizes = estimate.terms, estimate.sizes
    yield f"{len(sizes):,} structures of {sizes.atoms.mean():.0f} atoms on average, {sizes.atoms.max()} at most"
    off = f"off by {terms.mean_error:.2%} on average and {terms.error:.2%} at most on probes left out of the fit"
    if terms.device:
        yield f"memory: measured on {terms.device} for {terms.probes} configurations, {off}; {gigabytes(AROUND_BYTES)} of context included"
    else:
        yield (
            f"memory: an estimate. The tensors of {terms.probes} configurations were counted, not measured on a GPU; the fit is {off}. "
            f"{RESERVE_SHARE:.0%} for the allocator's reserve and {gigabytes(AROUND_BYTES)} of context are added, both assumptions"
        )


def fitting(space: Space, estimate: Estimate, limit: Limit) -> Iterator[str]:
    """What fits, what keeps the rest out, and the condition that leaves it out. Raises StudyError where nothing fits."""
    part = part_of(space, estimate, limit.bytes)
    yield f"a trial takes {_range(part)}; it may take {gigabytes(limit.bytes)} ({limit.source})"
    if part.fits == part.unsure == 0:
        raise nothing_fits(part, limit)
    yield f"of the space {_share(part.fits)} fits, {_share(part.unsure)} may, {_share(part.too_large)} does not"
    if part.blame:
        named = (f"{name} ({helped:.0%} of it would fit with {value:g})" if isinstance(value, (int, float)) else
                 f"{name} ({helped:.0%} of it would fit with {value})" for name, value, helped in part.blame[:BLAMED])  # fmt: skip
        yield f"what keeps the rest out: {', '.join(named)}"
    if part.fits < 1:
        yield from condition(space, suggestion(space, estimate, limit.bytes))


def nothing_fits(part: Part, limit: Limit) -> StudyError:
    """The error for a space of which nothing fits."""
    return StudyError(
        f"no configuration of the space fits {gigabytes(limit.bytes)} of a GPU ({limit.source})",
        why=f"the least demanding of the configurations drawn takes {gigabytes(part.smallest)}",
        fix="search smaller batches and networks, give a trial a larger share (resources.gpus), or correct resources.gpu_memory",
    )


def condition(space: Space, found: Condition | None) -> Iterator[str]:
    """The line for the study file."""
    if found is None:
        yield "no condition on a product of hyperparameters would leave the rest out: make ranges smaller"
        return
    yield f"for the study file (it keeps {found.kept:.0%} of what fits):"
    where = [*space.where, found.text] if space.where else found.text
    yield from yaml12.dump({"space": {"where": where}}).strip().splitlines()


def knobs(found: list[Knob]) -> Iterator[str]:
    """Hyperparameters that change nothing."""
    if not found:
        yield "every searched hyperparameter changes something"
    for knob in found:
        yield f"{'warning' if knob.dead else 'note'}: {knob.words}"


def _range(part: Part) -> str:
    return f"{gigabytes(part.smallest)} to {gigabytes(part.largest)} of a GPU, half of the configurations less than {gigabytes(part.median)}"


def _share(share: float) -> str:
    return f"{share:.0%}" if share in (0, 1) or 0.01 <= share <= 0.99 else f"{share:.1%}"
