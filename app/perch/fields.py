"""What every part of a study file is made of: frozen models that are strict about names, and durations."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Model(BaseModel):
    """Frozen, and strict about names."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def seconds(value: Any) -> Any:
    """Read a duration: ``90``, ``'90s'``, ``'10m'``, ``'1h30m'``, ``'2d'``; the result is in seconds."""
    if isinstance(value, str):
        parts = re.findall(r"(\d+(?:\.\d+)?)\s*([smhd])", value.strip())
        if parts and re.fullmatch(r"(\s*\d+(?:\.\d+)?\s*[smhd]\s*)+", value.strip()):
            return sum(float(n) * _UNITS_S[u] for n, u in parts)
        if re.fullmatch(r"\d+(\.\d+)?", value.strip()):
            return float(value)
        raise ValueError("a duration is written 90s, 10m, 8h, 1h30m or 2d")
    return value


Seconds = Annotated[float, BeforeValidator(seconds), Field(gt=0)]
