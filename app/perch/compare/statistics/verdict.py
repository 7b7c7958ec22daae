"""What may be said, and when: looks at ten and at twenty blocks, the level halved between them, else how many more."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

FIRST_LOOK, SECOND_LOOK = 10, 20
LEVEL: Final = 0.05
LEVEL_PER_LOOK: Final = LEVEL / 2
"""Two looks share the level, so that looking twice does not double the error."""

POWER: Final = 0.8
MORE_BLOCKS_MAX: Final = 1000
"""Beyond this many the difference is too small to be worth the question."""


@dataclass(frozen=True)
class Verdict:
    """``says``: faster, slower, cannot tell, or no verdict; ``sentence`` is for people."""

    says: str
    sentence: str
    p_adjusted: float | None = None
    look: int | None = None
    more_blocks: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def looks(n: int, planned: int = SECOND_LOOK) -> list[int]:
    """Numbers of blocks at which a verdict is sought, of those that n blocks allow.

    The second look moves to ``planned`` when more than twenty were planned from the start; never later than that, since
    looking until something shows would find something in noise.
    """
    return [look for look in (FIRST_LOOK, max(SECOND_LOOK, planned)) if look <= n]


def blocks_needed(logs: NDArray[np.float64], comparisons: int = 1, power: float = POWER) -> int | None:
    """About how many blocks show a difference as large as the one seen, four times in five.

    From the normal formula n = ((z_level + z_power) sd / mean)^2 on paired log ratios, at the level that a look leaves and
    that Holm's correction asks of the first of so many comparisons. None: more than a thousand.
    """
    mean, deviation = abs(float(logs.mean())), float(logs.std(ddof=1)) if len(logs) > 1 else math.inf
    if mean == 0 or not math.isfinite(deviation):
        return None
    z = float(stats.norm.ppf(1 - LEVEL_PER_LOOK / comparisons / 2) + stats.norm.ppf(power))
    needed = math.ceil((z * deviation / mean) ** 2)
    return needed if needed <= MORE_BLOCKS_MAX else None


def more_blocks(
    logs: NDArray[np.float64], comparisons: int = 1, planned: int = SECOND_LOOK
) -> tuple[int | None, int | None]:
    """How many more blocks would show the difference at the next look, and how many a new comparison should plan.

    The first is None where this comparison has no such look left, both where no number within reach would do: a verdict is
    sought at the fixed looks alone, the last of them where it was planned when the comparison began.
    """
    needed = blocks_needed(logs, comparisons)
    if needed is None:
        return None, None
    last = max(SECOND_LOOK, planned)
    if needed <= last and len(logs) < last:
        return last - len(logs), None
    return None, max(needed, last + 1 if len(logs) >= last else needed)


def verdict(
    strategy: str, reference: str, n: int, p_adjusted: dict[int, float], direction: dict[int, float],
    logs: NDArray[np.float64], comparisons: int = 1, planned: int = SECOND_LOOK,
) -> Verdict:  # fmt: skip
    """Judge one strategy at one target. ``p_adjusted`` and ``direction`` (mean log ratio) by look.

    ``comparisons``: of the family that Holm's correction covers.
    """
    if n < FIRST_LOOK:
        return Verdict(
            "no verdict",
            f"{strategy} against {reference}: no verdict with {n} block{'s' * (n != 1)}, {FIRST_LOOK - n} more are needed for one",
        )
    for look in sorted(p_adjusted):
        if p_adjusted[look] <= LEVEL_PER_LOOK:
            says = "faster" if direction[look] > 0 else "slower"
            text = f"{strategy} is {says} than {reference} (look at {look} blocks, Holm-adjusted p = {p_adjusted[look]:.3g})"
            return Verdict(says, text, p_adjusted[look], look)
    last = max(p_adjusted)
    more, anew = more_blocks(logs, comparisons, planned)
    if more is not None:
        answer = f"about {more} more blocks would"
    elif anew is not None:
        answer = f"a new comparison planned with about {anew} blocks would"
    else:
        answer = "the difference is too small for any number in reach"
    return Verdict("cannot tell", f"cannot tell {strategy} from {reference}: {answer}", p_adjusted[last], last, more)
