"""What every part of a study file is made of: frozen models that are strict about names, durations and amounts of memory."""

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

_UNITS_BYTES = {"MB": 1e6, "GB": 1e9, "MIB": 2.0**20, "GIB": 2.0**30}
FEWEST_BYTES = 1e8


def memory_bytes(value: Any) -> Any:
    """Read an amount of memory: ``'16GB'`` (10^9 bytes each), ``'15.7GiB'`` (2^30), ``'900MB'``; the result is in bytes."""
    if isinstance(value, str) and (found := re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([MG]i?B)\s*", value, re.IGNORECASE)):
        value = float(found[1]) * _UNITS_BYTES[found[2].upper()]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= FEWEST_BYTES:
        raise ValueError("memory is written 16GB, 15.7GiB or 900MB; 100MB at least")
    return float(value)


Bytes = Annotated[float, BeforeValidator(memory_bytes)]
