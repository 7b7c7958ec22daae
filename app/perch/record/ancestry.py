"""Lineages of a population: which segments led to which, in a run's record. After an exploit a trial goes on from another's.

A segment is one stretch of a trial between two exploits, named by the trial's id and a number. Jaderberg et al. 2017.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

Segment = tuple[str, int]
"""A trial's id and the number of one of its segments."""

Parents = Mapping[Segment, tuple[str, int, int]]
"""Where a segment came from: the donor's trial, its segment, and the epoch of the checkpoint."""


def ancestry(segment: Segment, parents: Parents) -> list[tuple[Segment, int | None]]:
    """Segments from the first ancestor to ``segment``, each with the last epoch that counts (None: all of them)."""
    chain: list[tuple[Segment, int | None]] = [(segment, None)]
    while (parent := parents.get(chain[0][0])) is not None:
        chain.insert(0, ((parent[0], parent[1]), parent[2]))
    return chain


def parents_of(curves: pd.DataFrame) -> Parents:
    """Where each segment of ``curves`` came from; the columns ``parent_*`` stand at its first epoch."""
    rows = curves[curves["parent_trial_id"].notna()].drop_duplicates(["trial_id", "segment"])
    names = ("trial_id", "segment", "parent_trial_id", "parent_segment", "parent_epoch")
    columns = zip(*(rows[name].tolist() for name in names), strict=True)
    return {(trial, int(segment)): (donor, int(of), int(epoch)) for trial, segment, donor, of, epoch in columns}


def stretches(curves: pd.DataFrame, segment: Segment) -> list[tuple[Segment, pd.DataFrame | None]]:
    """The segments that led to ``segment``, first ancestor first, each with its rows of ``curves`` that count, in the order of
    epochs; None where it left no row.
    """
    groups = dict(list(curves.groupby(["trial_id", "segment"], sort=False)))
    found: list[tuple[Segment, pd.DataFrame | None]] = []
    for at, until in ancestry(segment, parents_of(curves)):
        rows = groups[at].sort_values("epoch") if at in groups else None
        found.append((at, rows if rows is None or until is None else rows[rows["epoch"] <= until]))
    return found


def path(curves: pd.DataFrame, segment: Segment) -> pd.DataFrame:
    """Rows of ``curves`` from the first ancestor's first epoch to the last epoch of ``segment``; what left no row is passed over."""
    parts = [rows for _, rows in stretches(curves, segment) if rows is not None]
    return pd.concat(parts, ignore_index=True) if parts else curves.iloc[:0]
