"""Made-up tables whose answers are known."""

from __future__ import annotations

from typing import Any

import numpy as np

from perch.dimension import Choice, Float
from perch.rehearse.tables.table import COMPLETED, Recorded, Table
from perch.simulate import Delays
from perch.space import Space

SPACE = Space({"lr": Float(0.001, 0.1, log=True), "width": Choice((8, 16, 32))}, {"optimizer": "adam"})


def table(rows: int = 40, epochs: int = 9, *, noise: float = 0.0, **changes: Any) -> Table:
    """Curves that fall as 1/epoch towards a limit that grows with the distance of log lr from the middle of its range."""
    rng = np.random.default_rng(0)
    configs = tuple(SPACE.draw(0, k) for k in range(rows))
    limits = np.array([0.2 + abs(SPACE.to_unit(c)["lr"] - 0.5) for c in configs])
    values = limits[:, None] + 0.8 / np.arange(1, epochs + 1) + noise * rng.normal(size=(rows, epochs))
    given: dict[str, Any] = {
        "name": "made", "space": SPACE, "configs": configs, "config_of": np.arange(rows), "values": values,
        "seconds": np.full((rows, epochs), 2.0), "fates": (COMPLETED,) * rows, "weights": np.ones(rows), "tests": values + 0.1,
        "recorded": Recorded(workers=2, time_s=100.0, delays=Delays(start_s=1.0, turnover_s=0.5), report_s=0.25),
    }  # fmt: skip
    return Table(**{**given, **changes})
