"""Drives an attempt: starts Ray and the processes that follow the log, and runs Tune's loop until something ends it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perch.best.prune import prune_weights
from perch.campaign.campaign import Campaign
from perch.errors import PerchError
from perch.log.folder import RunFolder
from perch.runs.advising import Advising
from perch.runs.aside import Aside, KeptLimit
from perch.runs.attempt import Attempt
from perch.runs.autoscaling import MOST_AHEAD, demand
from perch.runs.close import close, end_by, finish_record
from perch.runs.ending import look_for_an_end, stay_s
from perch.runs.last_lines import closing
from perch.runs.outcome import Outcome
from perch.runs.planned import planned_nodes
from perch.runs.requests import look_for_requests
from perch.runs.resources import fits, slots, wait_for_room
from perch.runs.watching import watching
from perch.runs.writer import writer_process
from perch.view.snapshot import snapshot
from perch.vocabulary import INFEASIBLE

if TYPE_CHECKING:
    from perch.engine.ray_session import Session
    from perch.engine.tune import TuneEngine


def drive(attempt: Attempt, cpus: int | None, private: Path | None, watch: bool = False) -> Outcome:
    """Take an attempt to its end, whatever that is, and leave its record behind. ``watch``: serve its page meanwhile."""
    from perch.engine.signals import leaving
    from perch.engine.tune_books import prepare_environment

    prepare_environment()
    ended: Outcome | None = None
    with leaving():  # a second signal, which may come while Ray ends or tables are made: those are made when next read
        with contextlib.ExitStack() as followers:
            followers.callback(attempt.campaign.state.strategy.close)  # the program that calls run may go on after it
            writer = followers.enter_context(writer_process(attempt.folder))
            if watch:
                followers.enter_context(watching(attempt.folder, _say(attempt)))
            if "wandb" in attempt.study.log:
                from perch.boards.wandb_process import following

                followers.enter_context(following(attempt.folder.path, attempt.folder.logs))
            try:
                _under_ray(attempt, private, cpus)
            except (Exception, KeyboardInterrupt) as error:
                end_by(attempt.campaign, error, str(attempt.folder.path))
                ended = close(attempt)
                if ended.ending == "failed":
                    if isinstance(error, PerchError):
                        error.exit_code = ended.code  # whatever its kind: something has started
                    raise
            else:
                ended = close(attempt)
        if attempt.view is not None:
            attempt.view.finish()
        if ended.ending != "superseded":
            ended = finish_record(attempt, ended, writer)
    outcome = ended if ended is not None else close(attempt)
    return replace(outcome, signals=attempt.signals)  # a finished run heeds none, but what comes after it must


def _under_ray(attempt: Attempt, private: Path | None, cpus: int | None) -> None:
    from perch.engine.ray_session import Watchdog, session

    steps = attempt.steps
    with steps.step("importing Ray and what is trained"):
        import ray.tune  # noqa: F401

        made = attempt.kind.tune_trainable()
    with contextlib.ExitStack() as stack:
        with steps.step("starting Ray" if private is not None else "joining Ray"):
            ray_session = stack.enter_context(session(private, attempt.kind.python_path, cpus=cpus))
        watchdog = Watchdog(lambda name: _ray_died(attempt, name)) if ray_session.private else None
        if watchdog is not None:
            watchdog.start()
        try:
            _fit(attempt, ray_session, made)
        finally:
            if watchdog is not None:
                watchdog.cancel()


def _fit(attempt: Attempt, ray_session: Session, made: Any) -> None:
    from perch.engine.signals import Leave, is_a_second, take_signals
    from perch.engine.tune import TuneEngine
    from perch.training.failure import classify

    campaign, study = attempt.campaign, attempt.study
    resources = wait_for_room(study, ray_session, say=_say(attempt))
    nodes = [node for node in ray_session.nodes() if fits(node, resources)]
    campaign.worker_slots = slots(nodes, resources, campaign.state.avoided) or slots(nodes, resources)

    kept_limit, pruning = KeptLimit(attempt.folder.weights if attempt.kind.keeps_weights else None), Aside()

    advising = Advising(attempt.folder)
    looked: list[bool] = []

    def tick() -> None:
        if attempt.due("advice", 2.0):
            for line in advising.look():
                _say(attempt)(line)
        if attempt.due("end", 0.3):
            look_for_an_end(attempt)
        if attempt.due("requests", 1.0):
            look_for_requests(attempt, _say(attempt), first=not looked)
            looked.append(True)
        if attempt.due("nodes", 2.0) and not ray_session.private:
            look_at_nodes(attempt, ray_session, engine)
        if attempt.due("limit", 1.0):
            kept_limit.tell(campaign.state.keep_below)
        if attempt.due("weights", 10.0):
            pruning.start(lambda: prune_weights(attempt.folder, campaign.state))
        if attempt.due("sync", 1.0):
            attempt.log.sync()
        if attempt.view is not None and attempt.due("view", 0.2):
            attempt.view.show(snapshot(attempt.folder, study, campaign, attempt.baselines, attempt.started_s))

    def on_signal(number: int, _frame: Any) -> None:
        second = is_a_second(number, attempt.signals)
        attempt.signals += 1
        name = signal.Signals(number).name
        if second:
            campaign.end("interrupted", f"{name}, twice")
            raise Leave
        campaign.end("interrupted", name, stay_s())

    take = take_signals(on_signal)
    take()
    engine = TuneEngine(
        campaign,
        attempt.folder,
        made,
        resources,
        attempt=attempt.log.attempt,
        reuse_workers=attempt.kind.can_reset,
        extra_config=lambda placement: attempt.kind.extra_config(attempt.folder, attempt.data, placement, resources),
        classify=lambda error: classify(error, shared_device=0 < resources.get("gpu", 0) < 1),
        on_tick=tick,
        on_start=take,
    )
    engine.see(nodes, campaign.state.avoided)
    try:
        engine.fit()
    finally:
        advising.close()
        pruning.join()
        ray_session.want(0, resources)
        _tidy(attempt.folder, campaign)


def look_at_nodes(attempt: Attempt, session: Session, engine: TuneEngine) -> None:
    """Use the workers that have joined, none that have gone, and none of nodes that break trials; ask for more."""
    campaign, needs = attempt.campaign, engine.resources
    nodes = [node for node in session.nodes() if fits(node, needs)]
    for address in campaign.suspects([node.address for node in nodes]):
        campaign.emit(e="avoid", node=address)
        _say(attempt)(
            f"warning: node {address} is avoided from here on: {campaign.state.faults[address]} faults of its own"
        )
    avoided = campaign.state.avoided
    engine.see(nodes, avoided)
    there, usable = slots(nodes, needs), slots(nodes, needs, avoided)
    campaign.worker_slots = max(usable or there, 1)  # where only avoided nodes are left, those are used
    budget = campaign.rules.trials
    own = campaign.state.started - campaign.state.by_hand.added - campaign.state.counts[INFEASIBLE]
    left = None if budget is None else max(budget - own, 0) + len(campaign.queue)
    over = campaign.ending is not None or (campaign.time_is_up and not campaign.state.confirming)
    most = slots(planned_nodes(), needs)
    ahead = MOST_AHEAD if most else attempt.wish.ahead(there, time.monotonic())
    wanted = 0 if over else demand(engine.busy, campaign.worker_slots, left, ahead)
    wanted += there - usable if wanted and usable else 0  # an autoscaler does not know that those are of no use
    wanted = min(wanted, max(most, there)) if most else wanted
    if attempt.wish.shown != wanted:
        attempt.wish.shown = wanted
        session.want(wanted, engine.resources)


def _say(attempt: Attempt) -> Callable[[str], None]:
    return attempt.view.say if attempt.view is not None else lambda message: None


def _tidy(folder: RunFolder, campaign: Campaign) -> None:
    """Remove what Tune keeps for a restore that Perch never makes, and folders without a checkpoint in the log."""
    used = {Path(path).parts[1] for path in campaign.state.paths.values()}
    for attempt in folder.checkpoints.glob("attempt-*"):
        if attempt.name not in used:
            shutil.rmtree(attempt, ignore_errors=True)
        for snapshot_file in (*attempt.glob("*.pkl"), *attempt.glob("experiment_state-*.json")):
            snapshot_file.unlink(missing_ok=True)


def _ray_died(attempt: Attempt, name: str) -> None:
    """A private Ray was killed: keep what the log holds and leave; the main thread is stuck in Ray."""
    from perch.record import write

    attempt.campaign.overrule("ray", name)
    outcome = close(attempt)
    write(attempt.folder)
    print("\n".join(closing(outcome)), file=sys.stderr, flush=True)
    os._exit(outcome.code)
