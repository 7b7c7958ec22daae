"""Maximise an acquisition a generation at a time.

Dragonfly's own genetic search asks the Gaussian process about one point after another, a millisecond each and a thousand
times per suggestion. The same search, with Dragonfly's samplers and mutations, asks about a generation in one call.
"""

from __future__ import annotations

from argparse import Namespace
from typing import Any, Callable

import numpy as np
from dragonfly.exd.cp_domain_utils import sample_from_cp_domain
from dragonfly.opt import gpb_acquisitions
from dragonfly.opt.cp_ga_optimiser import get_default_mutation_op

GENERATION = 100
"""Points that the Gaussian process is asked about in one call."""

Points = list[Any]


POINT_BY_POINT = gpb_acquisitions.maximise_acquisition


def install(fast: bool = True) -> None:
    """Put ``maximise`` in the place of Dragonfly's point-by-point search, or that one back."""
    gpb_acquisitions.maximise_acquisition = maximise if fast else POINT_BY_POINT


def maximise(acquisition: Callable[[Points], Any], about: Namespace, *_: Any, **__: Any) -> Any:
    """The point of the domain with the highest acquisition found in ``about.max_evals`` evaluations."""
    domain, budget = about.domain, int(about.max_evals)
    mutations = [get_default_mutation_op(d) for d in domain.list_of_domains]
    points: Points = sample_from_cp_domain(domain, max(GENERATION, budget // 3), verbose_constraint_satisfaction=False)
    if not points:
        raise ValueError("no point satisfies the conditions")
    values = np.asarray(acquisition(points), dtype=float).ravel()
    while len(points) < budget:
        parents = np.argsort(-np.nan_to_num(values, nan=-np.inf), kind="stable")[: GENERATION // 5]
        children = [_mutate(points[p], mutations, domain) for p in np.repeat(parents, 5)]
        children = [c for c in children if domain.is_a_member(c)] or points[:1]
        values = np.concatenate([values, np.asarray(acquisition(children), dtype=float).ravel()])
        points = points + children
    return points[int(np.argmax(np.nan_to_num(values, nan=-np.inf)))]


def _mutate(point: Any, mutations: list[Any], domain: Any) -> Any:
    """Change one to all of the point's parts, as Dragonfly's mutations do; step sizes vary over three decades."""
    change = np.random.random(len(point)) < 0.7
    if not change.any():
        change[np.random.randint(len(point))] = True
    scale = 10.0 ** np.random.uniform(-2, 0)
    out = []
    for part, mutate, changed, space in zip(point, mutations, change, domain.list_of_domains):
        if not changed:
            out.append(part)
        elif space.get_type() == "euclidean":  # Dragonfly's step is a tenth of the range, too coarse near an optimum
            width = np.array([high - low for low, high in space.bounds]) * scale / 2
            step = np.random.normal(scale=width) * (np.random.random(len(width)) < 0.6)
            out.append(np.clip(np.asarray(part) + step, *np.array(space.bounds).T))
        else:
            out.append(mutate(part))
    return out
