"""What a run asks of a cluster, from command-line options, checked on this machine before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from perch.clusters.kubernetes import code as own_code
from perch.clusters.kubernetes.checks import check
from perch.clusters.kubernetes.errors import NothingStarted
from perch.clusters.kubernetes.site import KubernetesSite, load_site

LONGEST_NAME: Final = 47
WEEK_S: Final = 604_800
"""The deadline of a run without a time budget; the chart's too."""

MARGIN_S: Final = 7200
"""Added to the time budget for images, nodes, resuming and confirming; the chart's default too."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a run asks of the cluster. Memory as Kubernetes writes it, time in seconds. ``code``: modules by file name.
    ``notes``: what could not be checked on this machine.
    """

    run_id: str
    study: str | None
    arguments: Sequence[str] = ()
    namespace: str = "default"
    image: str = ""
    workers: int = 1
    cpus: str = ""
    memory: str = ""
    gpus: int = 0
    head_cpus: str = ""
    head_memory: str = ""
    code: dict[str, str] = field(default_factory=dict)
    claim: str = ""
    size: str = "20Gi"
    storage_class: str = ""
    single_node: bool = False
    deadline_s: int | None = None
    notes: tuple[str, ...] = ()
    site: KubernetesSite = field(default_factory=KubernetesSite)
    labels: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse names that the operator would refuse later."""
        if not re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", self.run_id):
            raise NothingStarted(
                f"'{self.run_id}' cannot name a RayJob",
                why="it must start with a letter and hold only lower-case letters, digits and '-'",
                fix="give another --run-id",
            )
        if len(self.run_id) > LONGEST_NAME:
            raise NothingStarted(
                f"the run id '{self.run_id}' has {len(self.run_id)} characters",
                why=f"the operator takes at most {LONGEST_NAME}, since it adds to it",
                fix="give a shorter --run-id",
            )


def from_options(
    *,
    study: Path | None,
    run_id: str,
    strategy: str,
    trials: int | None,
    time_budget: str,
    seed: int | None,
    overrides: Sequence[str],
    code: Path | None = None,
    site: Path | None = None,
    deadline: str = "",
    **places: Any,
) -> Request:
    """Read and check the study with its overrides, the site file and the modules, and return the request for it."""
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
    modules = own_code.modules(code) if code is not None else {}
    notes = tuple(check(checked, modules)) if study is not None else ()
    where = load_site(site)
    places |= {
        name: places.get(name) or getattr(where, name) for name in ("image", "claim", "storage_class", "single_node")
    }
    return Request(
        run_id=run_id or default_run_id(checked.name, checked.strategy_name, datetime.now(UTC)),
        study=study.read_text() if study else None,
        arguments=arguments,
        deadline_s=_deadline(deadline, time_s),
        code=modules,
        notes=notes,
        site=where,
        **places,
    )


def _deadline(given: str, time_s: float | None) -> int | None:
    """Seconds after which the operator ends the job; None: a week, the manifest's own. Raises NothingStarted."""
    from perch.fields import seconds

    if not given:
        return int(time_s) + MARGIN_S if time_s else None
    try:
        asked = int(seconds(given))
    except ValueError as error:
        raise NothingStarted(f"--deadline {given}", why=str(error), fix="write --deadline 2d") from error
    if asked <= (time_s or 0):
        raise NothingStarted(
            f"--deadline {given} is no longer than the time budget",
            why="the operator would end the run before its budget is spent",
            fix="leave --deadline out, or make it longer",
        )
    return asked


def default_run_id(name: str, strategy: str, now: datetime) -> str:
    """Return a name that the operator takes, from study, strategy and time."""
    stamp = f"{now:%m%d-%H%M%S}"
    words = re.sub(r"[^a-z0-9]+", "-", f"{name}-{strategy}".lower()).strip("-")
    if not words[:1].isalpha():
        words = f"run-{words}"
    return f"{words[: LONGEST_NAME - len(stamp) - 1].rstrip('-')}-{stamp}"
