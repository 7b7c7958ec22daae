"""Whether a strategy would decide anew what its log holds: for contract tests, and to audit a run that was killed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from perch.strategies.judged import training_loss
from perch.strategies.strategy import STRATEGY_KINDS, Decision, Event, New, Resume, Strategy
from perch.vocabulary import REQUEST


@dataclass(frozen=True)
class Difference:
    """Event number ``index`` of the log, and what the strategy would have answered instead."""

    index: int
    event: Event
    answer: Any

    def __str__(self) -> str:
        return f"event {self.index}: the log says {dict(self.event)}, the strategy would say {self.answer}"


def restore(strategy: Strategy, events: Iterable[Event]) -> Strategy:
    """Apply the events of a log to a fresh strategy: nothing is decided anew."""
    for event in events:
        if event["e"] in STRATEGY_KINDS and event.get("phase", "search") == "search":
            strategy.applied(event)
    return strategy


def differences(strategy: Strategy, events: Iterable[Event], *, trusted: int = 0) -> Iterator[Difference]:
    """Ask the strategy again before each event from number ``trusted`` on; the events before it are only applied.

    New trials, promotions and decisions with their rung, cut-off, rank and exploit are compared. The events must be in
    the order of the log, and the strategy fresh. Searchers that are asked ahead, in a process, may differ.
    """
    for index, event in enumerate(events):
        if event["e"] not in STRATEGY_KINDS or event.get("phase", "search") != "search":
            continue
        if index >= trusted:
            answer = _again(strategy, event)
            if answer is not None:
                yield Difference(index, event, answer)
        strategy.applied(event)


def _again(strategy: Strategy, event: Event) -> Any:
    """The strategy's answer where it differs from the event, else None."""
    now_s = event.get("used_s", 0.0)
    answer: Any = None
    match event["e"]:
        case "trial" if event.get("by") == REQUEST:  # somebody's decision, not the strategy's
            same = True
        case "trial":
            answer = strategy.ask(now_s)
            same = isinstance(answer, New) and (answer.config, answer.bracket) == (event["config"], event["bracket"])
        case "promote":
            answer = strategy.ask(now_s)
            same = isinstance(answer, Resume) and answer.trial == event["id"]
        case "result":
            loss = training_loss(event.get("m", {})) if strategy.judged_by == "training_loss" else None
            answer = strategy.tell(event["id"], event["epoch"], event["value"], now_s, loss)
            same = _same(answer, event)
        case _:
            same = True
    return None if same else (answer if answer is not None else "nothing")


def _same(decision: Decision, event: Event) -> bool:
    mine = (str(decision.action), decision.rung, decision.cutoff, decision.rank, decision.size, decision.judged)
    if mine != (
        event.get("kept", event["d"]),
        *(event.get(key) for key in ("rung", "cutoff", "rank", "size", "judged")),
    ):
        return False
    x, logged = decision.exploit, event.get("x")
    if "kept" in event:  # somebody had it trained on in any case
        return True
    if x is None or logged is None:
        return x is None and logged is None
    return (x.donor, x.segment, x.epoch, x.config) == tuple(logged[key] for key in ("donor", "seg", "epoch", "config"))
