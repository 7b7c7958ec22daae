"""Durations as Slurm writes them (``man sbatch``, --time), and as Perch does."""

from __future__ import annotations

import re

from perch.clusters.slurm.refuse import bad
from perch.fields import seconds

_SLURM = re.compile(r"(?:(?P<days>\d+)-)?(?P<clock>\d+(?::\d+){0,2})")


def read(text: str) -> int:
    """Seconds of a walltime: Slurm's ``M``, ``M:SS``, ``H:MM:SS``, ``D-H``, ``D-H:MM``, ``D-H:MM:SS``, or ``8h``, ``1h30m``.

    A number alone means minutes, as it does to Slurm. Raises ClusterError (exit 2).
    """
    found = _SLURM.fullmatch(text.strip())
    try:
        total = _of(found) if found else int(seconds(text))
    except ValueError as error:
        raise bad(
            f"--time {text}",
            why=f"{error}; Slurm's are 90 (minutes), 90:00, 8:00:00, 1-12, 1-12:30 and 1-12:30:00",
            fix="write --time 8h or --time 08:00:00",
        ) from error
    if total <= 0:
        raise bad(f"--time {text}", why="a job needs time, and a limit", fix="write --time 8h or --time 08:00:00")
    return total


def _of(found: re.Match[str]) -> int:
    parts = [int(part) for part in found["clock"].split(":")]
    if found["days"] is not None:  # D-H, D-H:MM, D-H:MM:SS
        hours, minutes, second = (*parts, 0, 0)[:3]
    elif len(parts) == 3:
        hours, minutes, second = parts
    else:  # M, M:SS
        hours, minutes, second = 0, *(*parts, 0)[:2]
    return ((int(found["days"] or 0) * 24 + hours) * 60 + minutes) * 60 + second


def write(total_s: float) -> str:
    """Seconds as ``08:00:00``, or ``1-00:00:00`` from a day on."""
    minutes, second = divmod(round(total_s), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f"{days}-{hour:02}:{minute:02}:{second:02}" if days else f"{hour:02}:{minute:02}:{second:02}"
