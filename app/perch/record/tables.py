"""Tables from events: rows of ``curves``, ``trials`` and ``overheads``, kept up event by event."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from perch.record.curves import Curves
from perch.settled import Settled
from perch.vocabulary import (
    ACTIVITIES,
    COLLAPSED_SHARE,
    ENDED,
    EPOCH_S,
    LOST,
    ON_REQUEST,
    REQUEST,
    STATUS_OF,
    TEST_MAE_EV,
    VALIDATION_MAE_EV,
)

Event = dict[str, Any]
CURVE_METRICS = (EPOCH_S, "train_mae_ev", VALIDATION_MAE_EV, TEST_MAE_EV, "lr", "device", "peak_memory_bytes")
"""Columns of ``curves`` that are there for every run, null where a trainable does not report them."""


@dataclass(slots=True)
class TrialRow:
    """What is known of a trial; ``row`` makes it a row of ``trials.parquet``."""

    trial_id: str
    ordinal: int
    phase: str
    config: dict[str, Any]
    bracket: int
    by: str
    start_s: float
    seen: int = 0
    ask_s: float = 0.0
    of: str | None = None
    repeat: int | None = None
    status: str = "running"
    failure: str | None = None
    error: str | None = None
    losses: int = 0
    last_loss: str | None = None
    end_s: float | None = None
    segment: int = 0
    epochs: int = 0
    value: float | None = None
    best_value: float | None = None
    best_epoch: int | None = None
    best_segment: int | None = None
    best_config: dict[str, Any] | None = None
    best_validation: float | None = None
    tests: dict[str, float] = field(default_factory=dict)
    best_metrics: dict[str, float] = field(default_factory=dict)
    """Of a training with a fresh seed: every number that it reported at its best epoch."""
    settled: Settled | None = None
    """Of a training with a fresh seed: what it is judged by, lower is better."""
    rung: int | None = None
    parent: tuple[str, int, int] | None = None
    redone_s: float = 0.0
    redone: int = 0
    kept: bool = False
    """Somebody asked that it be trained to its last epoch, whatever the strategy says."""


class Tables:
    """Rows of a run. ``mode`` is the study's; values in the log are as strategies see them (lower is better)."""

    def __init__(self, mode: str = "min", epochs: int = 0) -> None:
        self.sign = 1.0 if mode == "min" else -1.0
        self.epochs = epochs
        self.curves = Curves()
        self.trials: dict[str, TrialRow] = {}
        self.attempt = 0
        self.attempts: list[Event] = []
        self.closed: Event | None = None
        self.used_s = 0.0
        self.worker_s = 0.0
        self.seconds: dict[str, float] = dict.fromkeys(ACTIVITIES, 0.0)
        self.confirming: list[str] = []
        """Whose configurations are trained with fresh seeds."""
        self.start: str | None = None
        """The one among them that is the starting point."""
        self.fresh_configs: dict[str, dict[str, Any]] = {}
        self.fresh_terms: Event = {}
        self.epochs_by_phase: Counter[str] = Counter()
        self.confirmed_s = 0.0
        """Consumed seconds of the trainings with fresh seeds; the rest is the search's."""
        self.avoided: list[str] = []
        """Addresses of nodes that the run stopped using."""
        self.losses: Counter[str] = Counter()
        """Faults that are not the trials', by class."""
        self.losses_by_node: Counter[str] = Counter()
        self.asked: list[Event] = []
        """What somebody has asked for by hand while the run went on, in order."""
        self._slots = 0
        self._attempt_began_s = 0.0

    def apply(self, event: Event) -> None:
        """Take an event into account."""
        now_s = event.get("used_s", self.used_s)
        self.worker_s += self._slots * max(now_s - self.used_s, 0.0)
        if self.confirming:
            self.confirmed_s += max(now_s - self.used_s, 0.0)
        self.used_s = max(self.used_s, now_s)
        handler = getattr(self, f"_on_{event['e']}", None)
        if handler is not None:
            handler(event)

    @property
    def baselines(self) -> dict[str, float | None]:
        """Baselines on the validation set, as the newest attempt found them."""
        return self.attempts[-1].get("baselines") or {} if self.attempts else {}

    # --- one method per kind of event -------------------------------------------------------------------------------

    def _on_attempt(self, event: Event) -> None:
        self.attempt, self.closed = event["n"], None
        self.attempts.append(event)
        self._slots, self._attempt_began_s = 0, self.used_s
        if event.get("extends"):
            self.confirming, self.start, self.fresh_terms = [], None, {}

    def _on_trial(self, event: Event) -> None:
        self.trials[event["id"]] = TrialRow(
            event["id"], event["i"], event.get("phase", "search"), event["config"], event.get("bracket", 0),
            event.get("by", ""), event["used_s"], event.get("seen", 0), event.get("ask_s", 0.0),
            event.get("of"), event.get("repeat"),
            settled=None if event.get("of") is None else Settled(int(self.fresh_terms.get("window", 1))),
        )  # fmt: skip
        if event.get("by") == REQUEST:
            self._asked(event, "add")

    def _on_start(self, event: Event) -> None:
        slots = event.get("slots", self._slots)
        if self._slots == 0:  # the cluster came up: its workers have waited since the attempt began
            lead_s = slots * max(self.used_s - self._attempt_began_s, 0.0)
            self.worker_s += lead_s
            self.seconds["starting"] += lead_s
        self._slots = slots
        trial = self.trials[event["id"]]
        if trial.end_s is None:
            trial.status = "running"

    def _on_result(self, event: Event) -> None:
        trial = self.trials.get(event["id"])
        if trial is None or trial.end_s is not None:
            return
        metrics, value, epoch = event.get("m", {}), self.sign * event["value"], event["epoch"]
        self._curve_row(trial, event, metrics, value)
        trial.epochs, trial.value = epoch, value
        if trial.settled is not None:
            trial.settled.add(event["value"])
        self.epochs_by_phase[trial.phase] += 1
        if trial.best_value is None or self.sign * value < self.sign * trial.best_value:
            trial.best_value, trial.best_epoch, trial.best_segment = value, epoch, trial.segment
            trial.best_config = trial.config
            trial.tests = {k: v for k, v in metrics.items() if k.startswith(TEST_MAE_EV)}
            if trial.of is not None:
                trial.best_metrics = {k: float(v) for k, v in metrics.items() if type(v) in (int, float)}
        validation = metrics.get(VALIDATION_MAE_EV)
        if validation is not None and (trial.best_validation is None or validation < trial.best_validation):
            trial.best_validation = validation
        if event.get("rung") is not None:
            trial.rung = event["rung"]
        match event["d"]:
            case "stop":
                trial.status = "completed" if epoch >= self.epochs else "stopped"
                trial.end_s = event["used_s"]
            case "pause":
                trial.status = "paused"
            case "exploit":
                x = event["x"]
                trial.parent, trial.config, trial.segment = (
                    (x["donor"], x["seg"], x["epoch"]),
                    x["config"],
                    trial.segment + 1,
                )

    def _curve_row(self, trial: TrialRow, event: Event, metrics: dict[str, Any], value: float) -> None:
        parent = trial.parent or (None, None, None)
        trial.parent = None
        row: dict[str, Any] = {
            "trial_id": trial.trial_id, "segment": event["seg"], "epoch": event["epoch"], "time_s": event["used_s"],
            **{name: metrics.get(name) for name in CURVE_METRICS},
            "value": value, "attempt": self.attempt, "phase": trial.phase, "config": trial.config,
            "parent_trial_id": parent[0], "parent_segment": parent[1], "parent_epoch": parent[2],
        }  # fmt: skip
        if row[EPOCH_S] is None:
            row[EPOCH_S] = metrics.get("time_this_iter_s")
        for name, number in metrics.items():
            if (
                name not in row
                and not name.startswith("time_")
                and name not in ("iterations_since_restore", "node_ip", "epoch")
            ):
                row[name] = number
        self.curves.add(row)

    def _on_promote(self, event: Event) -> None:
        self.trials[event["id"]].status = "running"

    def _on_lost(self, event: Event) -> None:
        trial, failure = self.trials[event["id"]], event.get("failure", LOST)
        trial.losses, trial.last_loss = trial.losses + 1, failure
        self.losses[failure] += 1
        if "node" in event:
            self.losses_by_node[event["node"]] += 1

    def _on_avoid(self, event: Event) -> None:
        self.avoided.append(event["node"])

    def _on_spent(self, event: Event) -> None:
        for name in ("starting", "training", "evaluating", "checkpointing", "redone"):
            self.seconds[name] += event.get(f"{name}_s", 0.0)
        trial = self.trials[event["id"]]
        trial.redone_s += event.get("redone_s", 0.0)
        trial.redone += event.get("redone", 0)

    def _on_error(self, event: Event) -> None:
        trial = self.trials[event["id"]]
        if trial.end_s is not None:
            return
        trial.end_s = event["used_s"]
        trial.status = STATUS_OF.get(event["failure"], "failed")
        if event["failure"] != ENDED:
            trial.failure, trial.error = event["failure"], event.get("message") or None
        if event["failure"] == ON_REQUEST:
            self._asked(event, "stop")

    def _on_keep(self, event: Event) -> None:
        trial = self.trials[event["id"]]
        trial.kept, trial.status = True, "running" if trial.end_s is None else trial.status
        self._asked(event, "keep")

    def _on_budget(self, event: Event) -> None:
        self._asked(event, "budget", trials=event["trials"], time_budget_s=event["time"])

    def _on_end(self, event: Event) -> None:
        self._asked(event, "end")

    def _asked(self, event: Event, do: str, **more: Any) -> None:
        """Note what somebody has asked for by hand."""
        self.asked.append(
            {"time_s": event["used_s"], "do": do, "trial_id": event.get("id"), "epoch": event.get("epoch"), **more}
        )

    def _on_confirm(self, event: Event) -> None:
        self.confirming, self.start, self.fresh_terms = list(event["trials"]), event.get("start"), event
        self.fresh_configs = dict(event.get("configs", {}))

    def _on_close(self, event: Event) -> None:
        self.closed = event
        self.seconds["suggesting"] += event.get("suggesting_s", 0.0)

    # --- rows -------------------------------------------------------------------------------------------------------

    def trial_rows(self) -> list[dict[str, Any]]:
        """Rows of ``trials.parquet``. A trial that runs while its run does not is interrupted."""
        return [self.trial_row(trial) for trial in self.trials.values()]

    @property
    def trial_columns(self) -> list[str]:
        """Columns of ``trials.parquet``, also of a run without a trial."""
        names = dict.fromkeys(self.trial_row(TrialRow("", 0, "", {}, 0, "", 0.0)))
        for trial in self.trials.values():
            names.update(dict.fromkeys(trial.tests))
        return list(names)

    def trial_row(self, trial: TrialRow) -> dict[str, Any]:
        """A row of ``trials.parquet``."""
        status = "interrupted" if trial.status == "running" and self.closed is not None else trial.status
        row: dict[str, Any] = {
            "trial_id": trial.trial_id, "phase": trial.phase, "config": trial.best_config or trial.config, "status": status,
            "failure": trial.failure, "epochs": trial.epochs, "start_s": trial.start_s, "end_s": trial.end_s,
            "value": trial.value, "best_value": trial.best_value, "best_epoch": trial.best_epoch,
            "best_segment": trial.best_segment,
            "best_validation_mae_ev": trial.best_validation, TEST_MAE_EV: None, **trial.tests,
            "rung": trial.rung, "bracket": trial.bracket, "collapsed": self._collapsed(trial), "error": trial.error,
            "by": trial.by, "ordinal": trial.ordinal, "seen": trial.seen, "ask_s": trial.ask_s,
            "segments": trial.segment + 1, "confirms": trial.of, "repeat": trial.repeat,
            "redone_epochs": trial.redone, "redone_s": round(trial.redone_s, 3),
            "losses": trial.losses, "last_loss": trial.last_loss, "kept": trial.kept,
            "settled_value": self.settled(trial),
        }  # fmt: skip
        return row

    def settled(self, trial: TrialRow) -> float | None:
        """What a training with a fresh seed is judged by; None for a trial of the search."""
        value = None if trial.settled is None else trial.settled.value
        return None if value is None else self.sign * value

    def _collapsed(self, trial: TrialRow) -> bool | None:
        mean = self.baselines.get("mean")
        if mean is None or trial.best_validation is None:
            return None
        return trial.best_validation >= COLLAPSED_SHARE * mean

    def overhead_rows(self) -> list[dict[str, Any]]:
        """Rows of ``overheads.parquet``: activity, worker seconds, and their share of all."""
        seconds = dict(self.seconds)
        seconds["idle"] = max(self.worker_s - sum(v for k, v in seconds.items() if k != "idle"), 0.0)
        total = sum(seconds.values()) or 1.0
        return [{"activity": k, "seconds": round(v, 3), "share": v / total} for k, v in seconds.items()]
