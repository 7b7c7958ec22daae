"""Options that several commands share, on this machine and on a cluster, as changes to a study file."""

from __future__ import annotations

import json
from collections.abc import Sequence


def override(
    given: Sequence[str] | None = None,
    *,
    strategy: str | None = None,
    trials: int | None = None,
    time_budget: str | None = None,
    seed: int | None = None,
    metric: str | None = None,
    gpus: float | None = None,
) -> list[str]:
    """``--set`` options, then the named ones, as ``PATH=VALUE``.

    A budget on the command line replaces the file's: ``--time-budget`` alone means no limit on trials, and the reverse.
    """
    changes = list(given or [])
    if strategy is not None:
        changes.append(f"strategy={json.dumps(strategy)}")
    if trials is not None or time_budget is not None:
        budget = {"trials": trials, "time": time_budget}
        changes.append(f"budget={json.dumps({k: v for k, v in budget.items() if v is not None})}")
    if seed is not None:
        changes.append(f"seed={seed}")
    if metric is not None:
        changes.append(f"metric={json.dumps(metric)}")
    if gpus is not None:
        changes.append(f"resources.gpus={gpus}")
    return changes
