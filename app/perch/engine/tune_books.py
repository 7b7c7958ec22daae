"""Keeps Tune small: what it reads from the environment, and what it would keep of ended trials and of the cluster."""

from __future__ import annotations

import logging
import os
from typing import Any


def prepare_environment() -> None:
    """What Tune reads from the environment, to be set before it is used: no loggers, no snapshots, no tracebacks, no changed folder."""
    os.environ.update(
        TUNE_DISABLE_AUTO_CALLBACK_LOGGERS="1",
        TUNE_GLOBAL_CHECKPOINT_S="1e9",
        TUNE_PRINT_ALL_TRIAL_ERRORS="0",
        TUNE_MAX_PENDING_TRIALS_PG="64",
        TUNE_DISABLE_SIGINT_HANDLER="1",
        TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S="0",
        RAY_AIR_NEW_OUTPUT="0",
        RAY_CHDIR_TO_TRIAL_DIR="0",
    )
    logging.getLogger("ray.tune.tune").setLevel(
        logging.CRITICAL
    )  # at the end it names placements that met a fault "not complete"


def forget_ended(controller: Any, trials: list[Any]) -> None:
    """Drop ended trials from Tune's tables, which would keep them to the end: memory and time per trial stay flat."""
    if len(controller._stopped_trials) + len(controller._failed_trials) < 50:
        return
    ended = controller._stopped_trials | controller._failed_trials
    gone = {t for t in ended if t not in controller._trial_to_actor}
    trials[:] = [t for t in trials if t not in gone]
    for name in ("_stopped_trials", "_failed_trials", "_live_trials", "_trials_to_cache"):
        getattr(controller, name).difference_update(gone)
    for trial in gone:
        controller._trial_metadata.pop(trial.trial_id, None)
    manager = controller._actor_manager
    tasks = manager._pending_actors_to_enqueued_actor_tasks
    known = (manager._pending_actors_to_attrs, manager._live_actors_to_ray_actors_resources)
    for actor in [a for a in tasks if not any(a in book for book in known)]:
        tasks.pop(actor)


def give_back(controller: Any) -> None:
    """End every worker and free every placement group that Tune still holds: a Ray that is shared goes on without it.

    Tune does so itself where its loop ends; not where ``Leave`` ends it.
    """
    controller._actor_manager.cleanup()
