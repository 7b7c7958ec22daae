"""One meaning of a number that can be compared."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from perch.numeric import is_finite


@pytest.mark.parametrize("value", [0, -3, 2.5, 10**400, np.float64(1.5)])
def test_finite(value: Any) -> None:
    assert is_finite(value)


@pytest.mark.parametrize("value", [None, "1", True, False, math.nan, math.inf, -math.inf, [1.0]])
def test_not_finite(value: Any) -> None:
    assert not is_finite(value)
