"""What a value of the data is called as an id or as a group: one name for one value, whatever its type."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def name_of(value: Any) -> str | None:
    """The name of an id: ``7``, ``7.0`` and numpy's 7 are ``"7"``, lists are joined by blanks; None for NaN and for nothing."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (list, tuple)):
        return " ".join(str(name_of(v)) for v in value)
    return str(value)


def as_read(text: str) -> str:
    """The name that an id has after a reader took its digits for a number: ``"007"`` and ``"7.0"`` are ``"7"``."""
    try:
        return name_of(float(text)) or text
    except (ValueError, OverflowError):
        return text
