"""Which designs can give a verdict at all: the smallest p of the sign-flip test against what Holm and the looks ask for."""

from __future__ import annotations

import math
from typing import Final

from perch.compare.statistics.signflip import EXACT_UP_TO, RANDOM_SWAPS
from perch.compare.statistics.verdict import FIRST_LOOK, LEVEL_PER_LOOK, SECOND_LOOK, looks
from perch.errors import StudyError

MOST_BLOCKS: Final = 10_000
TARGETS: Final = 3
"""Targets of a comparison that names none: by shares of the budget."""


def smallest_p(blocks: int) -> float:
    """The smallest two-sided p that so many blocks can give: the sample and its mirror image, of all patterns of swaps."""
    if blocks <= EXACT_UP_TO:
        return min(math.ldexp(2.0, -blocks), 1.0)
    return (1.0 + RANDOM_SWAPS * math.ldexp(2.0, -blocks)) / (RANDOM_SWAPS + 1.0)


def reachable(blocks: int, comparisons: int, planned: int = SECOND_LOOK) -> bool:
    """True when one of ``comparisons`` could be distinguished at a look that ``blocks`` allow, Holm's correction included."""
    return any(smallest_p(look) * comparisons <= LEVEL_PER_LOOK for look in looks(blocks, planned))


def smallest_design(comparisons: int) -> int | None:
    """The fewest blocks with which a verdict on so many comparisons is possible; None: no number gives one."""
    for blocks in (FIRST_LOOK, SECOND_LOOK):
        if reachable(blocks, comparisons):
            return blocks
    return None


def out_of_reach(blocks: int, comparisons: int) -> str:
    """Why runs that exist can give no verdict."""
    least = smallest_design(comparisons)
    more = "no number of blocks would" if least is None or least <= blocks else f"{least} blocks would"
    return f"no verdict: {blocks} blocks cannot give one on {comparisons} comparisons, whatever they show; {more}, or fewer comparisons"


def check_reach(blocks: int, strategies: int, targets: int) -> None:
    """Refuse a design that asks for verdicts which it cannot give. Fewer blocks than the first look ask for none.

    Raises StudyError with the smallest design that works.
    """
    comparisons = (strategies - 1) * (targets or TARGETS)
    if blocks < FIRST_LOOK or reachable(blocks, comparisons, blocks):
        return
    least = smallest_design(comparisons)
    instead = f"--seeds {least}" if least is not None else "fewer strategies or targets"
    most = int(LEVEL_PER_LOOK / smallest_p(FIRST_LOOK)) // (targets or TARGETS) + 1
    raise StudyError(
        f"{blocks} blocks can give no verdict on {strategies} strategies at {targets or TARGETS} targets",
        why=f"the smallest p of {FIRST_LOOK} blocks is {smallest_p(FIRST_LOOK):.2g}; with {comparisons} comparisons Holm's correction asks for "
        f"{LEVEL_PER_LOOK / comparisons:.2g}, and the next look is at {SECOND_LOOK} blocks",
        fix=f"give {instead}, at most {most} strategies, or fewer than {FIRST_LOOK} seeds for intervals without verdicts",
    )
