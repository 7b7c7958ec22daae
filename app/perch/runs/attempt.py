"""One attempt at a run: the data prepared, the run folder entered, the log opened and what counts of it replayed."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from perch.atomic import replacing
from perch.campaign.campaign import Campaign
from perch.campaign.clock import WallClock
from perch.campaign.confirmation import Confirmation
from perch.campaign.rules import Rules
from perch.formatting import short_path
from perch.log.events import EventLog
from perch.log.folder import RunFolder
from perch.runs.identity import planned_workers
from perch.runs.resume import asks_for_more, replay
from perch.runs.trainable import can_reset, saves_when_asked
from perch.study import Study, dump
from perch.view.live import View
from perch.view.steps import Silent, Steps


@dataclass
class Attempt:
    """One attempt at a run, with everything that it holds open."""

    study: Study
    folder: RunFolder
    campaign: Campaign
    log: EventLog
    view: View | None
    prepared: Any = None
    cache: Path = field(default_factory=Path)
    signals: int = 0
    started_s: float = 0.0
    wanted: int = -1
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
    def steps(self) -> Steps:
        """Where it is said what is being done while there is no table."""
        return self.view.steps if self.view is not None else Silent()

    @property
    def baselines(self) -> dict[str, float | None]:
        """Errors of the baselines on the validation set, in eV."""
        return self.prepared.baselines if self.prepared is not None else {}


def prepare_data(study: Study, root: Path, view: View | None) -> tuple[Any, Path, Study]:
    """Build the graphs before Ray starts, so that bad data cost nothing; they are cached in the folder of the runs.

    Returns data, cache, and the study without choices that these data cannot serve.
    """
    cache = root / ".cache"
    if not study.trainable_is_ours:
        return None, cache, study
    from perch.data.prepare import prepare
    from perch.data.usable_choices import drop_unusable_choices

    steps = view.steps if view is not None else Silent()
    with steps.step("preparing the data"):
        prepared = prepare(study.data, base=Path(study.base), cache=cache, progress=steps.progress)
    study, dropped = drop_unusable_choices(study, prepared)
    if view is not None:
        for warning in (*prepared.warnings, *dropped):
            view.say(f"warning: {warning}")
    return prepared, cache, study


def open_attempt(
    asked: Study, study: Study, folder: RunFolder, view: View | None, began_s: float, prepared: Any
) -> Attempt:
    """Create or enter the run folder and log the attempt: first what it accepts of earlier ones, then replay that.

    ``asked`` is kept as ``study.yaml``; ``study`` is what runs: the same, without choices that the data cannot serve.
    """
    folder.path.mkdir(parents=True, exist_ok=True)
    study = study.model_copy(update={"versions": versions()})
    with replacing(folder.study) as path:
        path.write_text(dump(asked.model_copy(update={"versions": study.versions})), encoding="utf-8")
    folder.stop.unlink(missing_ok=True)  # it was meant for an earlier attempt
    log = EventLog(folder.events)
    state = replay(study, folder, log)
    clock = WallClock()
    extends = state.closed == "done" or (bool(state.confirming) and asks_for_more(state.last_attempt, study))
    clock.start(state.used_s, began_s)
    confirmation = Confirmation(log, study.confirm.top, study.confirm.seeds)
    campaign = Campaign(_rules(study), state, log, clock, folder, confirmation)
    campaign.emit(
        e="attempt", n=log.attempt, accepts_bytes={str(k): v for k, v in log.accepts.items()}, run=folder.id,
        unix_s=round(time.time(), 3), seed=study.seed, strategy=study.strategy_name, host=platform.node(), pid=os.getpid(),
        budget=study.budget.model_dump(), confirm=study.confirm.model_dump(), extends=extends,
        workers=planned_workers(study, folder), versions=study.versions, **_facts(prepared),
    )  # fmt: skip
    log.sync()
    if view is not None:
        if view.piped:
            view.say(
                f"  folder: {short_path(folder.path)} (report.html there at the end); Ctrl-C saves, --resume goes on"
            )
        for notice in (*state.strategy.notices, *notes(study)):
            view.say(f"note: {notice}")
    return Attempt(study, folder, campaign, log, view, prepared, started_s=state.used_s)


def _rules(study: Study) -> Rules:
    rules = Rules.of(study)
    return rules if saves_when_asked(study) else replace(rules, checkpoints="none", insure_s=None)


def notes(study: Study) -> Iterator[str]:
    """What people should know of a trainable of their own before it runs."""
    if study.program is not None:
        if not study.program.can_resume:
            yield "the program cannot resume (trainable.resume): a trial that is interrupted is trained from the start"
        return
    if not saves_when_asked(study):
        yield (
            "the trainable cannot be asked for a checkpoint: a trial that is interrupted goes on from the last one that it "
            "reported itself, or starts again"
        )
    if not can_reset(study):
        yield "the trainable has no reset_config: every trial gets a fresh process, which costs the seconds of its start"


def _facts(prepared: Any) -> dict[str, Any]:
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
