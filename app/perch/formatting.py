"""Seconds, bytes, configurations and paths as people read them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def duration(seconds: float | None) -> str:
    """Seconds as people read them: ``8 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def gigabytes(size: float) -> str:
    """Bytes as people read them of a GPU: ``15.8 GB``."""
    return f"{size / 1e9:.1f} GB"


def configuration(config: Mapping[str, Any]) -> str:
    """A configuration in one line, numbers to three digits."""
    return "  ".join(f"{k}={v:.3g}" if isinstance(v, float) else f"{k}={v}" for k, v in config.items())


_ERROR = re.compile(r"^(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Exit|Interrupt|Diverged)\b.*")

_FRAME = re.compile(r'File "[^"]+", line \d+, in (\S+)')


def gist(message: str) -> str:
    """An error message in one line: the exception that ends a traceback, or the first line of any other text."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    if len(lines) < 2:
        return "".join(lines)
    named = [line.strip() for line in message.splitlines() if _ERROR.match(line)]
    if not named:
        return lines[0][:500]
    frames = _FRAME.findall(message)
    where = f" (in {frames[-1]})" if frames and ":" not in named[-1] else ""  # else it says nothing by itself
    return f"{named[-1][:500]}{where}"


def clipped(message: str, most: int = 2000) -> str:
    """A long message without its middle: its first line names the failure, its last ones show it."""
    if len(message) <= most:
        return message
    head = message.split("\n", 1)[0][: most // 4]
    return f"{head}\n…\n{message[len(head) + 3 - most :]}"


def short_path(path: Path) -> str:
    """The path as one would type it here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
