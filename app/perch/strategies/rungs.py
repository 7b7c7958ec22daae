"""Rungs: the epochs at which trials are compared, and the values that have reached them.

Rungs grow by integer multiplication, never by ``floor(log)``: log(243) / log(3) is 4.999…, which loses a rung.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort

from perch.strategies.strategy import Action, Decision


def ladder(grace_period: int, epochs: int, reduction_factor: int, bracket: int = 0) -> list[int]:
    """Epochs of a bracket's rungs below the last epoch, lowest first; at the last epoch nothing is left to decide.

    >>> ladder(1, 81, 3), ladder(1, 243, 3)[-1], ladder(1, 81, 3, bracket=2)
    ([1, 3, 9, 27], 81, [9, 27])
    """
    rungs, epoch = [], grace_period * reduction_factor**bracket
    while epoch < epochs:
        rungs.append(epoch)
        epoch *= reduction_factor
    return rungs


Place = tuple[float, str]
"""A value and its trial: what a rung that trials wait at is ordered by."""


def value_at_place(places: list[Place], me: Place, number: int) -> float | None:
    """The value at that place, counted from one, once ``me`` is among the sorted ``places``; None where there is no such place.

    >>> value_at_place([(0.1, "a"), (0.3, "b")], (0.2, "c"), 2), value_at_place([], (0.2, "c"), 2)
    (0.2, None)
    """
    if not 0 < number <= len(places) + 1:
        return None
    mine = bisect_left(places, me)
    return me[0] if mine == number - 1 else places[number - 1 if mine >= number else number - 2][0]


class Rung:
    """Values that have reached one rung, kept sorted: a cut-off and a rank cost O(log n).

    Scores (minus the value: higher is better) are kept rather than values, so that the interpolated cut-off equals the
    one that Ray's scheduler computes to the last bit.
    """

    __slots__ = ("epoch", "scores")

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.scores: list[float] = []

    def add(self, value: float) -> None:
        """Enter a finite value."""
        insort(self.scores, -value)

    def judge(self, value: float, keep: float) -> Decision:
        """Stop a value that is worse than the cut-off of those before it; ``keep``: the share that goes on, 1/η.

        The first to arrive always goes on.
        """
        scores, score = self.scores, -value
        size = len(scores)
        if not size:
            return Decision(Action.GO, self.epoch, None, 1, 1)
        cutoff = percentile(scores, 1 - keep)
        action = Action.STOP if score < cutoff else Action.GO
        return Decision(action, self.epoch, -cutoff, size - bisect_right(scores, score) + 1, size + 1)


def percentile(ordered: list[float], q: float) -> float:
    """``numpy.percentile(ordered, 100 * q)`` of a sorted list with linear interpolation, equal to the last bit."""
    place = (len(ordered) - 1) * q
    index = int(place)
    share = place - index
    below, above = ordered[index], ordered[min(index + 1, len(ordered) - 1)]
    step = above - below
    return above - step * (1 - share) if share >= 0.5 else below + step * share
