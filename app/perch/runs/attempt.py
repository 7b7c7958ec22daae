"""One attempt at a run: the data prepared, the run folder entered, the log opened and what counts of it replayed."""

from __future__ import annotations

import contextlib
import os
import platform
import time
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perch.campaign.campaign import Campaign
from perch.campaign.clock import WallClock
from perch.campaign.confirmation import Confirmation
from perch.campaign.rules import Rules
from perch.formatting import short_path
from perch.log.events import EventLog
from perch.log.folder import RunFolder
from perch.log.study_file import keep_study
from perch.runs.autoscaling import Wish
from perch.runs.resume import Target, asks_for_more, planned_workers, replay
from perch.runs.starting_point import starting_point
from perch.study import Study
from perch.trainables import Data, Kind, kind_of
from perch.view.live import View
from perch.view.steps import Silent, Steps

if TYPE_CHECKING:
    from perch.data.prepare import Prepared


@dataclass
class Attempt:
    """One attempt at a run, with everything that it holds open."""

    kind: Kind
    folder: RunFolder
    campaign: Campaign
    log: EventLog
    view: View | None
    data: Data
    signals: int = 0
    started_s: float = 0.0
    wish: Wish = field(default_factory=Wish)
    """Trials that an autoscaler was last shown."""
    _looked_s: dict[str, float] = field(default_factory=dict)

    def due(self, what: str, every_s: float) -> bool:
        """True at most every ``every_s`` seconds for each ``what``."""
        now = time.monotonic()
        if now - self._looked_s.get(what, -1e9) < every_s:
            return False
        self._looked_s[what] = now
        return True

    @property
    def study(self) -> Study:
        """The study as it runs."""
        return self.kind.study

    @property
    def steps(self) -> Steps:
        """Where it is said what is being done while there is no table."""
        return self.view.steps if self.view is not None else Silent()

    @property
    def baselines(self) -> dict[str, float | None]:
        """Errors of the baselines on the validation set, in eV."""
        return self.data.prepared.baselines if self.data.prepared is not None else {}


def prepare_data(kind: Kind, cache: Path, view: View | None) -> Data:
    """Build the data before Ray starts, so that bad ones cost nothing; they are kept in ``cache``, for all runs of a folder."""
    steps = view.steps if view is not None else Silent()
    with steps.step("preparing the data") if kind.builds_data else contextlib.nullcontext():
        data, warnings = kind.data(cache, steps.progress)
    if view is not None:
        for warning in warnings:
            view.say(f"warning: {warning}")
    return data


def open_attempt(goal: Target, data: Data, view: View | None, began_s: float) -> Attempt:
    """Create or enter the run folder and log the attempt: first what it accepts of earlier ones, then replay that.

    The goal's study is kept as ``study.yaml``; what runs is the data's: the same, without choices that these cannot serve.
    """
    folder = goal.folder
    folder.path.mkdir(parents=True, exist_ok=True)
    study = data.study.model_copy(update={"versions": versions()})
    kind = kind_of(study)
    keep_study(folder, goal.study.model_copy(update={"versions": study.versions}))
    folder.stop.unlink(missing_ok=True)  # it was meant for an earlier attempt
    log = EventLog(folder.events)
    state = replay(study, folder, log)
    clock = WallClock()
    over = bool(state.confirming) or state.by_hand.search_ended_s is not None
    extends = state.closed == "done" or (over and asks_for_more(state.last_attempt, study))
    clock.start(state.used_s, began_s)
    confirm = study.confirm
    confirmation = Confirmation(
        log, confirm.top, confirm.seeds, confirm.share, starting_point(study), study.budget.time
    )
    campaign = Campaign(_rules(kind), state, log, clock, folder, confirmation)
    budget = study.budget.model_dump()
    asked = {} if goal.asked == budget else {"asked": dict(goal.asked)}
    campaign.emit(
        e="attempt", n=log.attempt, accepts_bytes={str(k): v for k, v in log.accepts.items()}, run=folder.id,
        unix_s=round(time.time(), 3), seed=study.seed, strategy=study.strategy_name, host=platform.node(), pid=os.getpid(),
        budget=budget, **asked, confirm=study.confirm.model_dump(), extends=extends,
        workers=planned_workers(study, goal.earlier.first), versions=study.versions, **_facts(data.prepared),
    )  # fmt: skip
    log.sync()
    if view is not None:
        if view.piped:
            view.say(
                f"  folder: {short_path(folder.path)} (report.html there at the end); Ctrl-C saves, --resume goes on"
            )
        for notice in (*state.strategy.notices, *kind.notes()):
            view.say(f"note: {notice}")
    return Attempt(kind, folder, campaign, log, view, data, started_s=state.used_s)


def _rules(kind: Kind) -> Rules:
    rules = Rules.of(kind.study)
    if kind.saves_when_asked:
        return rules
    return replace(rules, checkpoints="none", insure_s=None, keeps_reported=kind.can_save)


def _facts(prepared: Prepared | None) -> dict[str, Any]:
    """What the record says of the data: baselines, sizes, fingerprint."""
    if prepared is None:
        return {}
    split = prepared.splits[0]
    sizes = {side: len(getattr(split, side)) for side in ("train", "validation", "test")}
    data = {"fingerprint": prepared.fingerprint, "structures": len(prepared), "folds": len(prepared.splits), **sizes}
    return {"baselines": prepared.baselines, "baselines_test": prepared.baselines_test, "data": data}


def versions() -> dict[str, str]:
    """What a run ran with."""
    names = ("perch-hpo", "ray", "torch", "torch-geometric", "ase", "numpy")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}
