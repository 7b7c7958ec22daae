"""Partly stopped curves, weighted back: whom a full curve stands for beside itself.

A trial that a strategy stopped, or that the end of the budget cut, is gone from its epoch on. Its weight is handed to the
trials that went on from there and were most like it, those nearest in value at that epoch; lowest epochs first, so that it
may be handed on. This is Efron's redistribution to the right (Proc. 5th Berkeley Symp. 4 (1967) 831), which makes the
Kaplan-Meier estimate, within neighbours: what became of a trial may depend on its value so far, and on nothing else unseen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

NEIGHBOURS: Final = 5
"""Trials that went on among which a stopped one's weight is divided."""


def weigh(values: Array, last: NDArray[np.int64], known: Sequence[bool]) -> tuple[Array, float]:
    """Weights of rows, and the share of stopped trials whose value lies beyond those of all that went on.

    values: (rows, epochs), lower is better.  last: epochs reported.  known: nothing of the row is missing (it reached the
    end, diverged or failed).  Rows that are not known end with weight 0; all weights add up to the number of rows with a
    report or a known fate, unless nothing went on.
    """
    weights = np.where((last > 0) | np.asarray(known), 1.0, 0.0)
    fate = np.asarray(known, dtype=bool)
    beyond = handed = 0
    for epoch in np.unique(last[~fate & (last > 0)]):
        stopped = np.flatnonzero(~fate & (last == epoch))
        onward = np.flatnonzero((last > epoch) | (fate & (last >= epoch)))
        at = values[:, epoch - 1]
        if len(onward):
            order = onward[np.argsort(at[onward], kind="stable")]
            beyond += int((at[stopped] > at[order[-1]]).sum())
            _hand_over(weights, at, stopped, order)
        handed += len(stopped)
        weights[stopped] = 0.0
    return weights, beyond / handed if handed else 0.0


def _hand_over(weights: Array, at: Array, stopped: NDArray[np.int64], order: NDArray[np.int64]) -> None:
    """Divide each stopped row's weight equally among the rows nearest in value; ``order``: those, sorted by value."""
    near = min(NEIGHBOURS, len(order))
    sorted_values = at[order]
    for row in stopped:
        place = int(np.searchsorted(sorted_values, at[row]))
        low = max(0, min(place - near, len(order) - near))
        high = min(len(order), place + near)
        window = np.arange(low, high)
        nearest = window[np.argsort(np.abs(sorted_values[window] - at[row]), kind="stable")[:near]]
        weights[order[nearest]] += weights[row] / near
