"""Many rehearsed runs on all cores: every variant with every seed, in an order that does not depend on the machine."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any

from perch.rehearse.run import Rehearsed, Setting, rehearse
from perch.rehearse.tables.table import Table
from perch.rehearse.variants import Variant

Done = Callable[[int, int], None]
"""Called with the runs that are done, and with all."""

CurvesOf = Callable[[Table, int], Any]
"""Makes the curves for a seed where they are not the table's own."""


@dataclass(frozen=True)
class _Work:
    """What every process holds."""

    table: Table
    variants: tuple[Variant, ...]
    setting: Setting
    curves_of: CurvesOf | None


_work: _Work | None = None


def rehearse_all(
    table: Table,
    variants: Sequence[Variant],
    seeds: Sequence[int],
    setting: Setting,
    *,
    processes: int | None = None,
    curves_of: CurvesOf | None = None,
    done: Done = lambda _n, _all: None,
) -> dict[str, list[Rehearsed]]:
    """Runs by label, in the order of the seeds. ``processes``: all cores by default; 1 stays in this process."""
    work = _Work(table, tuple(variants), setting, curves_of)
    jobs = [(v, seed) for seed in seeds for v in range(len(variants))]
    count = min(processes or len(os.sched_getaffinity(0)), len(jobs))
    out: dict[str, list[Rehearsed]] = {v.label: [] for v in variants}
    if count <= 1:
        _hold(work)
        for n, job in enumerate(jobs, 1):
            run = _one(job)
            out[run.label].append(run)
            done(n, len(jobs))
        return out
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["perch.rehearse.run"])  # imported once, and not by every process of every call
    with ProcessPoolExecutor(count, mp_context=context, initializer=_begin, initargs=(work,)) as pool:
        chunk = max(1, len(jobs) // (count * 16))
        for n, run in enumerate(pool.map(_one, jobs, chunksize=chunk), 1):
            out[run.label].append(run)
            done(n, len(jobs))
    return out


def _begin(work: _Work) -> None:
    """A process of the pool: it ends with the one that asked for it, however that ended."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
    _hold(work)


def _hold(work: _Work) -> None:
    global _work
    _work = work


def _one(job: tuple[int, int]) -> Rehearsed:
    assert _work is not None
    variant, seed = _work.variants[job[0]], job[1]
    curves = _work.curves_of(_work.table, seed) if _work.curves_of is not None else None
    return rehearse(_work.table, variant, seed, _work.setting, curves)
