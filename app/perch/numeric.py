"""What counts as a number that can be compared."""

from __future__ import annotations

import math
from typing import Any, TypeGuard


def is_finite(value: Any) -> TypeGuard[float]:
    """True for an int or float that is neither infinite nor NaN; a truth value is no number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -math.inf < value < math.inf
