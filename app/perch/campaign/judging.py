"""What becomes of a trial after a result: the strategy decides, the log has it first, and the worker is told to go on, to save or to stop."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from perch.campaign.faults import Faults
from perch.campaign.insurance import LARGEST_SHARE, mean_between_s
from perch.campaign.placement import Instruction
from perch.campaign.spent import trained_again
from perch.errors import StrategyError
from perch.log.state import CONFIRM, Live
from perch.strategies.judged import no_training_loss, training_loss
from perch.strategies.strategy import GO, STOP, Action, Decision
from perch.vocabulary import READ_AGAIN, TEST_MAE_EV

ENDS_A_STRETCH = (Action.STOP, Action.PAUSE, Action.EXPLOIT)
"""Decisions after which a trial does not train on as it is: a trial that is kept by hand does so in any case."""


class Judging(Faults):
    """Results and checkpoints."""

    def result(self, trial: str, segment: int, epoch: int, metrics: dict[str, Any]) -> Instruction:
        """Record a result and say what becomes of its placement."""
        live = self.state.live.get(trial)
        known = live is not None and live.has_reported(segment, epoch)
        trained = not metrics.pop(READ_AGAIN, False)
        if (spent := self.spent.get(trial)) is not None:
            spent.epoch(self.clock.now_s(), metrics, known=known)
            if trained:
                self.epochs_s.append(spent.epoch_s)
        if live is None:
            return Instruction.STOP
        if known:
            if trained:
                self.emit(e="spent", id=trial, **trained_again(metrics))
            return self._carry_on(live, segment, epoch)
        value = self._value(trial, metrics)
        if value is None:
            return Instruction.STOP
        loss = self._training_loss(live, metrics)
        if trial not in self.state.live:
            return Instruction.STOP
        decision = self._decide(live, epoch, value, loss)
        overruled = None
        if live.kept and epoch < self.rules.epochs and decision.action in ENDS_A_STRETCH:
            overruled, decision = decision.action, replace(decision, action=Action.GO, exploit=None)
        leading, config = self.state.best, live.config
        self._write(_result_event(live, epoch, value, decision, metrics, overruled))
        if self.state.best != leading:
            self.best_config, self.best_test_mae_ev = config, metrics.get(TEST_MAE_EV)
        return self._execute(live, epoch, decision)

    def _value(self, trial: str, metrics: dict[str, Any]) -> float | None:
        metric = self.rules.metric
        value = metrics.get(metric)
        if type(value) is not float and (not isinstance(value, (int, float)) or isinstance(value, bool)):
            if not self.metric_seen:
                names = sorted(k for k, v in metrics.items() if isinstance(v, (int, float)))
                self.end("hopeless", f"the trainable does not report '{metric}'; it reported: {', '.join(names)}")
            self.failed(trial, "code", f"'{metric}' was not reported as a number, but as {value!r}")
            return None
        self.metric_seen = True
        if not math.isfinite(value):
            self.failed(trial, "diverged", f"{metric} is {value}")
            return None
        return float(value) if self.rules.mode == "min" else -float(value)

    def _training_loss(self, live: Live, metrics: Mapping[str, Any]) -> float | None:
        """What a strategy that compares by it is given; the trial fails where it is missing or no finite number."""
        if live.phase == CONFIRM or self.state.strategy.judged_by != "training_loss":
            return None
        loss = training_loss(metrics)
        if loss is None:
            missing = no_training_loss(", ".join(sorted(k for k, v in metrics.items() if isinstance(v, (int, float)))))
            self.end("hopeless", f"{missing.what}: {missing.why}")
            self.failed(live.id, "code", missing.what)
        elif not math.isfinite(loss):
            self.failed(live.id, "diverged", f"the training loss is {loss}")
        return loss

    def _decide(self, live: Live, epoch: int, value: float, training_loss: float | None) -> Decision:
        if live.phase == CONFIRM:
            return STOP if epoch >= self.rules.epochs else GO
        strategy, now_s = self.state.strategy, self.clock.now_s()
        if training_loss is None:
            decision = strategy.tell(live.id, epoch, value, now_s)
        else:
            decision = strategy.tell(live.id, epoch, value, now_s, training_loss)
        x = decision.exploit
        if x is not None and (x.donor, x.segment, x.epoch) not in self.state.paths:
            raise StrategyError(
                f"trial {live.id} exploits a checkpoint that is not there",
                why=f"no checkpoint of {x.donor}, segment {x.segment}, epoch {x.epoch} is in the log",
                fix="choose donors among logged checkpoints, and do not call those surplus",
            )
        return decision

    def _execute(self, live: Live, epoch: int, decision: Decision) -> Instruction:
        action, trial = decision.action, live.id
        if action is Action.STOP or action is Action.EXPLOIT:
            if action is Action.EXPLOIT:
                self.queue.append(trial)
            self._placement_ended(trial)
            self._drop_surplus(trial)
            return Instruction.STOP
        if action is Action.GO:
            return self._carry_on(live, live.segment, epoch)
        save = action is Action.SAVE or decision.checkpoint
        return self._carry_on(live, live.segment, epoch, save=save, leave=action is Action.PAUSE)

    def _carry_on(
        self, live: Live, segment: int, epoch: int, *, save: bool = False, leave: bool = False
    ) -> Instruction:
        """What a trial that has not ended does next; it saves where it must leave, or where insurance is due."""
        if self._saves_on_demand_only and not save and not leave and not self.leaving:
            return Instruction.CONTINUE
        leaving, checkpoints = self.leaving, self.rules.checkpoints
        save = save or leaving or checkpoints == "all" or self._insurance_due(live.id)
        save = save and checkpoints != "none" and segment == live.segment
        if save:
            self.saving[live.id] = (segment, epoch)
        if leaving or leave:
            if not save:
                self._placement_ended(live.id)
            return Instruction.SAVE_AND_STOP if save else Instruction.STOP
        return Instruction.SAVE if save else Instruction.CONTINUE

    def _insurance_due(self, trial: str) -> bool:
        """True when another epoch would leave more work unsaved than it should."""
        spent = self.spent.get(trial)
        if self.insurance.longest_s is None or spent is None or trial in self.saving:
            return False
        unsaved_s = spent.unsaved_s + spent.epoch_s
        if unsaved_s < self.insurance.save_s / LARGEST_SHARE and not self.insurance.strict:
            return False
        between_s = mean_between_s(self.clock.now_s(), self.state.interruptions(self.worker_slots))
        return unsaved_s > self.insurance.interval_s(between_s)

    def saved(self, trial: str, path: str) -> None:
        """A checkpoint is written; ``path`` is what the store knows it by."""
        segment, epoch = self.saving.pop(trial)
        if (spent := self.spent.get(trial)) is not None:
            self.insurance.saved(spent.saved(self.clock.now_s()))
        self.emit(e="checkpoint", id=trial, seg=segment, epoch=epoch, path=path)
        self._drop_surplus(trial)

    def offered(self, trial: str, segment: int, path: str) -> None:
        """A checkpoint that nobody asked for: a function trainable has reported it with its last epoch."""
        live = self.state.live.get(trial)
        if live is not None and segment == live.segment and live.epoch > 0:
            self.saving[trial] = (segment, live.epoch)
            self.saved(trial, path)
        elif live is None and self.rules.keeps_reported and self.state.phase_of(trial) == CONFIRM:
            self.emit(e="checkpoint", id=trial, seg=segment, epoch=self.rules.epochs, path=path)
            self._drop_surplus(trial)
        else:
            self.store.delete(path)


def _result_event(
    live: Live, epoch: int, value: float, decision: Decision, metrics: Mapping[str, Any], overruled: Action | None
) -> dict[str, Any]:
    event: dict[str, Any] = {"e": "result", "id": live.id, "seg": live.segment, "epoch": epoch, "value": value}
    event["d"] = decision.action._value_
    if overruled is not None:
        event["kept"] = overruled._value_
    if decision.rung is not None:
        event["rung"] = decision.rung
    if decision.judged is not None:
        event["judged"] = decision.judged
    if decision.cutoff is not None:
        event["cutoff"] = decision.cutoff
    if decision.rank is not None:
        event["rank"] = decision.rank
    if decision.size is not None:
        event["size"] = decision.size
    if (x := decision.exploit) is not None:
        event["x"] = {"donor": x.donor, "seg": x.segment, "epoch": x.epoch, "config": x.config}
    event["m"] = {k: v for k, v in metrics.items() if not isinstance(v, float) or math.isfinite(v)}
    return event
