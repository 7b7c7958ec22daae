"""Optuna's Gaussian process in a process of its own: an ask takes tenths of a second, and no loop of a run waits for it.

A thread would not do: the optimiser's Python holds the interpreter's lock for most of that time.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from perch.errors import StrategyError
from perch.space import Space
from perch.strategies.asha_mf import SEARCHER as MF
from perch.strategies.asha_mf import mf_search
from perch.strategies.gp import SEARCHER, gp_search
from perch.strategies.plan import Plan
from perch.strategies.registry import read_settings
from perch.strategies.searchers.prefetch import Port, PrefetchSearcher
from perch.suggesting.process import ASK_LIMIT_S, AskedProcess


def searcher(spec: str | Mapping[str, Any], plan: Plan, *, port: Port | None = None) -> PrefetchSearcher | None:
    """The searcher for a strategy that uses a Gaussian process in a process of its own, None for every other. No process starts yet.

    Raises StrategyError where Optuna is not installed.
    """
    entry, settings = read_settings(spec)
    if entry.searcher == MF:
        return mf_search(plan, settings, port or GpProcess(plan.space, plan.seed, epochs=plan.epochs))
    if entry.searcher != SEARCHER:
        return None
    if find_spec("optuna") is None:  # importing it takes a second, and only the other process needs it
        raise StrategyError(
            "Optuna is not installed",
            why=f"{entry.name} asks its Gaussian process",
            fix="pip install 'perch-hpo[optuna]'; random search and ASHA need nothing",
        )
    return gp_search(plan, settings, port or GpProcess(plan.space, plan.seed))


class GpProcess(AskedProcess):
    """``perch.suggesting.gp_server`` as a port; with ``epochs`` the process over configuration and epoch. See ``AskedProcess`` for the rest."""

    def __init__(
        self,
        space: Space,
        seed: int,
        *,
        epochs: int | None = None,
        wait: bool = False,
        ask_limit_s: float = ASK_LIMIT_S,
    ) -> None:
        opening = {"do": "open", "space": space.spec(), "seed": seed, **({} if epochs is None else {"epochs": epochs})}
        super().__init__(
            "gp" if epochs is None else "mf", [sys.executable, "-m", "perch.suggesting.gp_server"], opening,
            environment=_environment(), wait=wait, ask_limit_s=ask_limit_s,
        )  # fmt: skip


def _environment() -> dict[str, str]:
    """The environment as it is, with one thread: small matrices, sums in one order, and cores left to training."""
    return {**os.environ, **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")}
