"""From command-line options to a request, checked on this machine before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from perch.clusters.kubernetes.manifest import LONGEST_NAME, Request

MARGIN_S: Final = 7200
"""Added to the time budget for images, nodes, resuming and confirming; the chart's default too."""


def from_options(
    *,
    study: Path | None,
    run_id: str,
    strategy: str,
    trials: int | None,
    time_budget: str,
    seed: int | None,
    overrides: Sequence[str],
    **places: Any,
) -> Request:
    """Read and check the study with its overrides, and return the request for it."""
    from perch.overrides import override
    from perch.strategies.registry import STRATEGIES
    from perch.study import load

    arguments: list[str] = []
    for option, value in (
        ("--strategy", strategy),
        ("--trials", trials),
        ("--time-budget", time_budget),
        ("--seed", seed),
    ):
        if value not in ("", None):
            arguments += [option, str(value)]
    for given in overrides:
        arguments += ["--set", given]
    settings = override(overrides, strategy=strategy or None, trials=trials, time_budget=time_budget or None, seed=seed)
    checked = load(study, settings)
    STRATEGIES.get(checked.strategy_name)  # an unknown name is said here, not by the cluster
    time_s = checked.budget.time
    return Request(
        run_id=run_id or default_run_id(checked.name, checked.strategy_name, datetime.now(UTC)),
        study=study.read_text() if study else None,
        arguments=arguments,
        deadline_s=int(time_s) + MARGIN_S if time_s else None,
        **places,
    )


def default_run_id(name: str, strategy: str, now: datetime) -> str:
    """Return a name that the operator takes, from study, strategy and time."""
    stamp = f"{now:%m%d-%H%M%S}"
    words = re.sub(r"[^a-z0-9]+", "-", f"{name}-{strategy}".lower()).strip("-")
    if not words[:1].isalpha():
        words = f"run-{words}"
    return f"{words[: LONGEST_NAME - len(stamp) - 1].rstrip('-')}-{stamp}"
