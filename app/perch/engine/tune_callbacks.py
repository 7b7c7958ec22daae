"""What Tune calls: where it gets its trials, where their results go, and what it does at every step. ``TuneEngine`` does the work.

Names with an underscore belong to Ray 2.60.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ray.tune import Checkpoint
from ray.tune.experiment import Trial
from ray.tune.experiment.config_parser import _make_parser
from ray.tune.progress_reporter import TrialProgressCallback
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import SearchAlgorithm

from perch.campaign.placement import Instruction
from perch.engine.signals import Leave

if TYPE_CHECKING:
    from perch.engine.tune import TuneEngine


class Search(SearchAlgorithm):  # type: ignore[misc]
    """Where Tune gets its trials: the campaign's next placement."""

    def __init__(self, engine: TuneEngine) -> None:
        self.engine = engine

    def set_search_properties(self, *_: Any, **__: Any) -> bool:
        """Nothing to set: the campaign knows metric and mode."""
        return True

    @property
    def total_samples(self) -> int:
        """Unknown to Tune."""
        return 0

    def add_configurations(self, experiments: Any) -> None:
        """Keep the experiment's specification, from which each placement's trial is made."""
        experiment = experiments[0] if isinstance(experiments, list) else experiments
        self.engine.spec, self.engine.parser = experiment.spec, _make_parser()

    def next_trial(self) -> Trial | None:
        """A trial for the next placement, while a worker is free for it. Tune may wait in a loop around this for minutes."""
        self.engine.guarded(self.engine.on_tick)
        trial: Trial | None = self.engine.guarded(self.engine.place)
        if self.engine.campaign.failure is not None:  # else Tune would go on waiting for a trial
            raise Leave
        return trial

    def is_finished(self) -> bool:
        """True once nothing will be placed any more (until then Tune keeps actors for reuse)."""
        return self.engine.campaign.ending is not None


class Scheduler(FIFOScheduler):  # type: ignore[misc]
    """Where results go: the campaign decides, Tune does it."""

    def __init__(self, engine: TuneEngine) -> None:
        super().__init__()
        self.engine = engine

    def set_search_properties(self, metric: str | None, mode: str | None, **_: Any) -> bool:
        """Nothing to set."""
        return True

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        """Keep the controller: Tune gives it to schedulers only."""
        engine = self.engine
        engine.workers.controller = engine.controller = getattr(tune_controller, "_tune_controller", tune_controller)
        if trial.perch_request.usual:
            engine.workers.usual = trial.placement_group_factory
        engine.keep_workers()

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """The trial that takes a worker that is free."""
        return self.engine.workers.next_to_start()

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """Record a result, and do what the campaign says."""
        order = self.engine.guarded(lambda: self.engine.report(trial, result), Instruction.STOP)
        if order in (Instruction.SAVE, Instruction.SAVE_AND_STOP):
            tune_controller._schedule_trial_save(trial, result=result)
        if order in (Instruction.CONTINUE, Instruction.SAVE):
            return str(TrialScheduler.CONTINUE)
        trial.perch_stopped = True
        return str(TrialScheduler.STOP)

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        """A placement is off its worker; a trainable that says ``done`` itself skips ``on_trial_result``."""
        self.engine.guarded(lambda: self.engine.completed(trial, result))

    def on_trial_remove(self, tune_controller: Any, trial: Trial) -> None:
        """Nothing to do."""

    def on_trial_error(self, tune_controller: Any, trial: Trial) -> None:
        """A trial failed, or its worker was lost."""
        self.engine.guarded(lambda: self.engine.errored(trial))

    def debug_string(self) -> str:
        """Nothing to show: Perch has its own view."""
        return ""


class Watch(TrialProgressCallback):  # type: ignore[misc]
    """Reports checkpoints, calls ``step``, drops ended trials; replaces Tune's own reporter, which keeps every trial."""

    def __init__(self, engine: TuneEngine) -> None:
        super().__init__()
        self.engine = engine

    def on_checkpoint(self, iteration: int, trials: Any, trial: Trial, checkpoint: Checkpoint, **_: Any) -> None:
        """A checkpoint is on disk."""
        self.engine.guarded(lambda: self.engine.checkpointed(trial, checkpoint))

    def on_step_begin(self, iteration: int, trials: Any, **_: Any) -> None:
        """Set Perch's signal handlers anew: Tune's own would end the loop without saving."""
        if iteration == 0:
            self.engine.on_start()

    def on_step_end(self, iteration: int, trials: list[Trial], **_: Any) -> None:
        """Raise what a callback could not, and drop ended trials."""
        self.engine.step(trials)

    def on_trial_start(self, iteration: int, trials: Any, trial: Trial, **_: Any) -> None:
        """A worker has taken a placement up."""
        self.engine.guarded(lambda: self.engine.campaign.begun(trial.trial_id))

    def on_trial_result(self, *_: Any, **__: Any) -> None:
        """Nothing: the scheduler has recorded it."""

    on_trial_error = on_trial_complete = log_result = on_trial_result
