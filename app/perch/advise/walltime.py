"""How long a job must last, on a record: the search, the confirmation, and a margin."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from perch.advise.budget import DRAWS, Demand, confirmations_s, search_ends_s
from perch.advise.command import record_of
from perch.advise.planning import variant_of
from perch.errors import StudyError
from perch.rehearse.tables.table import Table
from perch.rehearse.variants import as_recorded
from perch.study import Study, load

MARGIN: Final = 1.1
"""Over what nine of ten rehearsed runs take: for the job's start, the data, and the report."""
RUNS: Final = 10
STEP_S: Final = 300
"""Walltimes are rounded up to five minutes."""


def walltime(
    study: str | None, changes: Sequence[str], record: Sequence[str], nodes: int, cpus_per_node: int, gpus_per_node: int | None
) -> str:  # fmt: skip
    """Of a job that runs the study, as ``--time`` takes it. ``changes``: of the study. Raises StudyError or RecordError."""
    spec = load(study, changes)
    table = record_of(spec, study, record, None, ())
    return f"{lasts_s(spec, table, _workers(spec, nodes, cpus_per_node, gpus_per_node))}s"


def lasts_s(study: Study, table: Table, workers: int) -> int:
    """Seconds of search and confirmation that nine of ten runs keep to, with a margin, rounded up."""
    search_s = math.inf if study.budget.time is None else study.budget.time
    if study.budget.trials is not None:
        seeds = range(study.seed, study.seed + RUNS)
        search_s = min(
            search_s,
            float(np.quantile(search_ends_s(table, study, as_recorded(variant_of(study), table), workers, seeds), 0.9)),
        )
    confirm_s = float(np.quantile(confirmations_s(table, study, Demand(workers, 1.0, math.inf), DRAWS), 0.9))
    return math.ceil(MARGIN * (search_s + confirm_s) / STEP_S) * STEP_S


def _workers(study: Study, nodes: int, cpus_per_node: int, gpus_per_node: int | None) -> int:
    """Trials side by side on such nodes."""
    each = study.resources.gpus_each if study.resources.gpus_each is not None else (1.0 if gpus_per_node else 0.0)
    fit = [cpus_per_node / study.resources.cpus, *([(gpus_per_node or 0) / each] if each else [])]
    count = nodes * int(min(fit))
    if count < 1:
        raise StudyError(
            "no trial of this study fits on such a node", why=f"it takes {study.resources.cpus:g} CPUs and {each:g} GPUs",
            fix="give --cpus-per-node and --gpus-per-node as the nodes have them",
        )  # fmt: skip
    return count
