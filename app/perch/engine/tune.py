"""The one adapter to Ray Tune: makes a Tune trial of each placement and reports to the campaign what becomes of it.

Tune knows only "go on", "save" and "stop". A resume, an exploit and a restart after a kill are each a fresh Tune
``Trial`` with the same id and a checkpoint to start from, on an actor that is reused. Names with an underscore belong
to Ray 2.60; ``pyproject.toml`` pins that minor version.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.train._internal.session import _TrainingResult
from ray.tune import Checkpoint
from ray.tune.experiment import Trial
from ray.tune.experiment.config_parser import _create_trial_from_spec

from perch.campaign.placement import Instruction, Placement
from perch.campaign.seams import CampaignForEngine
from perch.engine.metrics import numeric
from perch.engine.needs import Needs
from perch.engine.ray_extras import without_counting_callbacks
from perch.engine.ray_session import Node
from perch.engine.signals import Leave, leaving
from perch.engine.tune_books import forget_ended, give_back
from perch.engine.tune_callbacks import Scheduler, Search, Watch
from perch.engine.workers import Workers
from perch.log.folder import RunFolder
from perch.training.failure import Fault, message_of, node_of

SHARED_FOLDER = "trials"
"""One folder for the checkpoints of all trials of an attempt; their numbers keep them apart."""

SAVES_PER_PLACEMENT = 100_000
"""Checkpoint numbers set aside for one placement."""

OVERDUE_EVERY_S = 1.0
"""How often overdue placements are looked for."""

LOOK_EVERY_S = 0.1
"""While nothing runs and a suggestion is awaited, signals and the stop file are looked at so often."""


class PlacedTrial(Trial):  # type: ignore[misc]
    """A Tune trial that keeps its error in memory instead of writing two files, and asks for what its placement needs."""

    def create_placement_group_factory(self) -> None:
        """Called when Tune takes the trial up: ask for what the trainable needs, or for what this placement does."""
        super().create_placement_group_factory()
        if self.perch_request.factory is not None:
            self.placement_group_factory = self.perch_request.factory

    def handle_error(self, exc: BaseException | None = None) -> None:
        """Keep the error; ``TuneEngine.errored`` decides what it means."""
        self.run_metadata.num_failures += 1
        self.temporary_state.perch_error = exc


class TuneEngine:
    """Holds campaign and controller together. ``on_tick`` is called at every step of the loop, often."""

    def __init__(
        self,
        campaign: CampaignForEngine,
        folder: RunFolder,
        trainable: Any,
        resources: dict[str, float],
        *,
        attempt: int,
        reuse_workers: bool = True,
        extra_config: Callable[[Placement], dict[str, Any]],
        classify: Callable[[BaseException], Fault],
        on_tick: Callable[[], None],
        on_start: Callable[[], None],
    ) -> None:
        self.campaign, self.folder, self.attempt = campaign, folder, attempt
        self.trainable, self.resources, self.reuse_workers = trainable, resources, reuse_workers
        self.extra_config, self.classify = extra_config, classify
        self.on_tick, self.on_start = on_tick, on_start
        self.controller: Any = None
        self.spec: dict[str, Any] = {}
        self.parser: Any = None
        self.placements = 0
        self.needs = Needs(resources)
        self.workers = Workers()
        self.looked_s = 0.0
        self.evicting: dict[str, bool] = {}
        """Trials whose worker is being ended because they are overdue, and whether they hang."""

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks for a restore that Perch never makes; the log is what a run resumes from."""
        return {}

    def fit(self) -> None:
        """Run Tune's loop until the campaign ends. Raises what went wrong in Perch itself."""
        self.campaign.begin()
        tuner = tune.Tuner(
            tune.with_resources(self.trainable, self.resources),
            tune_config=tune.TuneConfig(
                search_alg=Search(self), scheduler=Scheduler(self), reuse_actors=self.reuse_workers
            ),
            run_config=tune.RunConfig(
                name=f"attempt-{self.attempt:03d}",
                storage_path=str(self.folder.checkpoints),
                callbacks=[Watch(self)],
                verbose=0,
                failure_config=tune.FailureConfig(max_failures=0),
                checkpoint_config=tune.CheckpointConfig(
                    checkpoint_frequency=0, checkpoint_at_end=False, num_to_keep=None
                ),
            ),
        )
        try:
            with leaving(), without_counting_callbacks():
                tuner.fit()
        finally:
            if self.controller is not None:
                give_back(self.controller)
        if self.campaign.failure is not None:
            raise self.campaign.failure

    def guarded(self, call: Callable[[], Any], otherwise: Any = None) -> Any:
        """Call into the campaign; Tune ignores exceptions in callbacks, so the first one is kept and ends the run."""
        if self.campaign.failure is not None:
            return otherwise
        try:
            return call()
        except Exception as error:
            self.campaign.failure = error
            return otherwise

    def see(self, nodes: list[Node], avoided: Collection[str] = ()) -> None:
        """Take note of the nodes that take a trial now, and of the addresses of those that are to be avoided.

        A placement that waits for a worker on nodes that have all gone is taken back, and made anew on what is there.
        """
        self.needs = Needs(self.resources, nodes, avoided)
        for trial in self.workers.pending():
            if not self.needs.can_come(trial.perch_request.off) and self.workers.worker_of(trial) is None:
                self.take_back(trial)
                self.campaign.withdrawn(trial.trial_id)

    def take_back(self, trial: Trial) -> None:
        """End a placement that has no worker yet."""
        trial.perch_stopped = True
        self.controller._schedule_trial_stop(trial)

    def keep_workers(self) -> None:
        """Keep as many idle workers as can be used; none once nothing is placed any more, or while they are in another's way."""
        useless = self.campaign.ending is not None or self.workers.waiting_for_room()
        self.workers.keep(0 if useless else self.campaign.worker_slots)

    # --- placing ----------------------------------------------------------------------------------------------------

    @property
    def busy(self) -> int:
        """Slots that are taken by the placements that Tune holds."""
        if self.controller is None:
            return 0
        return sum(t.perch_request.slots for t in (*self.controller._running_trials, *self.controller._pending_trials))

    def place(self) -> Trial | None:
        """The Tune trial of the next placement, while there is a free worker."""
        if self.busy >= self.campaign.worker_slots:
            return None
        placement = self._next()
        # with nothing running and nothing to place, Tune would sleep a second, however soon the suggestion came
        while placement is None and self.busy == 0 and self.campaign.wait_for_suggestion(LOOK_EVERY_S):
            self.on_tick()
            placement = self._next()
        return self._trial(placement) if placement is not None else None

    def _next(self) -> Placement | None:
        return self.campaign.next_placement(self.busy) or self.campaign.next_confirmation()

    def _trial(self, placement: Placement) -> Trial:
        spec = {**self.spec, "config": {**placement.config, **self.extra_config(placement)}}
        trial = _create_trial_from_spec(
            spec,
            self.parser,
            evaluated_params=dict(placement.config),
            experiment_tag=placement.trial,
            trial_id=placement.trial,
        )
        trial.__class__ = PlacedTrial
        trial.perch_segment = placement.segment
        trial.relative_logdir = trial.storage.trial_dir_name = SHARED_FOLDER
        trial.storage.current_checkpoint_index = self.placements * SAVES_PER_PLACEMENT
        self.placements += 1
        trial.perch_placed_s, trial.perch_request = time.monotonic(), self.needs.request(placement)
        if placement.start is not None:
            path = str(self.folder.path / placement.start.path)
            metrics = {"training_iteration": placement.start.epoch}
            trial.run_metadata.checkpoint_manager._latest_checkpoint_result = _TrainingResult(Checkpoint(path), metrics)
        return trial

    # --- what Tune reports ------------------------------------------------------------------------------------------

    def report(self, trial: Trial, result: dict[str, Any]) -> Instruction:
        """Report a result to the campaign."""
        epoch = int(result["training_iteration"])
        return self.campaign.result(trial.trial_id, trial.perch_segment, epoch, numeric(result))

    def completed(self, trial: Trial, result: dict[str, Any]) -> None:
        """Record the last result of a trainable that ended by itself, and its end."""
        if not getattr(trial, "perch_stopped", False):  # else the stop was Perch's own
            epoch = int(result.get("training_iteration", 0))
            if epoch and not self.campaign.state.knows(trial.trial_id, trial.perch_segment, epoch):
                self.report(trial, result)
            self.campaign.finished_early(trial.trial_id)
        self.campaign.left_worker(trial.trial_id)

    def checkpointed(self, trial: Trial, checkpoint: Checkpoint) -> None:
        """Record a checkpoint, relative to the run folder."""
        path = Path(checkpoint.path).relative_to(self.folder.path.resolve()).as_posix()
        if trial.trial_id in self.campaign.saving:
            self.campaign.saved(trial.trial_id, path)
        else:
            self.campaign.offered(trial.trial_id, trial.perch_segment, path)

    def errored(self, trial: Trial) -> None:
        """Separate the machine's faults from the trial's own."""
        if (hangs := self.evicting.pop(trial.trial_id, None)) is not None:
            self.campaign.evicted(trial.trial_id, hangs=hangs)
            return
        error = getattr(trial.temporary_state, "perch_error", None) or RuntimeError("Tune names no error")
        fault = self.classify(error)
        node = node_of(error) or trial.last_result.get("node_ip")
        self.campaign.faulted(trial.trial_id, fault.failure, fault.whose, message_of(error), node, alone=fault.alone)

    def evict(self, name: str, hangs: bool) -> None:
        """End the worker of an overdue placement; nothing else ends a step that hangs."""
        controller = self.controller
        held = [t for t in (*controller._running_trials, *controller._pending_trials) if t.trial_id == name]
        if not held or name in self.evicting:
            return
        [trial] = held
        if (worker := self.workers.worker_of(trial)) is not None:
            self.evicting[name] = hangs
            ray.kill(worker)
            return
        self.take_back(trial)
        self.campaign.evicted(name, hangs=hangs)

    # --- the loop ---------------------------------------------------------------------------------------------------

    def step(self, trials: list[Trial]) -> None:
        """Called after each step of Tune's loop."""
        if self.campaign.failure is not None:
            raise Leave
        self.guarded(self.on_tick)
        if self.controller is not None:
            forget_ended(self.controller, trials)
            self.keep_workers()
        if self.campaign.ending not in (None, "done"):
            if self.busy == 0 or not self.campaign.awaited():
                raise Leave
        elif self.controller is not None and time.monotonic() - self.looked_s > OVERDUE_EVERY_S:
            self.looked_s = time.monotonic()
            for trial, hangs in self.campaign.overdue().items():
                self.evict(trial, hangs)
