"""Promoting ASHA with a Gaussian process over configuration and epoch, which chooses new trials and which paused ones go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from statistics import median
from typing import Any

from perch.strategies.asha import AshaSettings
from perch.strategies.asha_promote import AshaPromote, PromotionRung
from perch.strategies.plan import Plan
from perch.strategies.registry import STRATEGIES, Entry
from perch.strategies.rungs import ladder
from perch.strategies.searchers.multifidelity import PROMISE, CurveLedger, MultiFidelity
from perch.strategies.searchers.prefetch import AheadSettings, Inline, Port, PrefetchSearcher
from perch.strategies.strategy import DONE, GO, Action, Answer, Decision, Event, Resume, Searcher, Strategy

SEARCHER = "mf (Gaussian process)"


class AshaMfSettings(AshaSettings, AheadSettings):
    """Settings of ASHA and of searchers that are asked ahead."""


class AshaMf(AshaPromote):
    """One in η of a rung's trials goes on, as in ASHA; which of them, the process says.

    What it foretells of paused trials comes with each suggestion and lies in the log, so a replay needs no model. A trial of which
    nothing is foretold yet counts as its value and the median of what is foretold of the others there above theirs.
    """

    def __init__(self, plan: Plan, settings: Any = None, searcher: Searcher | None = None) -> None:
        super().__init__(plan, settings, searcher)
        self._gone_on: dict[int, int] = dict.fromkeys(self.rungs, 0)
        self._promise: dict[str, float] = {}

    def ask(self, now_s: float) -> Answer:
        """The trial with the best end foretold, from the top rung down; else a new one; DONE when neither is possible and nothing runs."""
        for rung in self.promoting():
            if (trial := self._next(rung)) is not None:
                return Resume(trial)
        if self.trials is None or self.counted < self.trials:
            return self.next_new(now_s)
        return None if len(self.last_epoch) > len(self.paused) else DONE

    def judge(self, trial: str, epoch: int, value: float) -> Decision:
        """Pause at a rung, unless ``ask`` would resume this very trial."""
        rung = self._reached(trial, epoch)
        if rung is None:
            return GO
        decision = super().judge(trial, epoch, value)
        above = any(self._next(r) is not None for r in self.promoting() if r.epoch > rung.epoch)
        estimate = self._estimates({**self._there(rung), trial: value})
        first = min(estimate, key=lambda t: (estimate[t], t)) == trial
        go = not above and first and self._gone_on[rung.epoch] < (len(rung.places) + 1) // rung.eta
        return replace(decision, action=Action.GO if go else Action.PAUSE)

    def on_start(self, trial: str, event: Event) -> None:
        """Keep what its suggestion foretells of the trials that wait."""
        super().on_start(trial, event)
        note: Mapping[str, Any] = event.get("note") or {}
        self._promise.update({name: end for name, end in note.get(PROMISE, ()) if name in self.paused})

    def on_result(self, trial: str, event: Event) -> None:
        """Enter a rung; count those that go on at once."""
        rung = self._reached(trial, event["epoch"])
        super().on_result(trial, event)
        if rung is not None:
            self._promise.pop(trial, None)
            self._gone_on[rung.epoch] += event["d"] == Action.GO

    def on_promote(self, trial: str) -> None:
        """Leave the rung."""
        if trial in self.paused:
            self._gone_on[self._passed[trial]] += 1
            self._promise.pop(trial, None)
        super().on_promote(trial)

    def on_end(self, trial: str) -> None:
        """Nothing more is foretold of it."""
        super().on_end(trial)
        self._promise.pop(trial, None)

    def _next(self, rung: PromotionRung) -> str | None:
        """Who goes on from a rung that may let one go."""
        if self._gone_on[rung.epoch] >= len(rung.places) // rung.eta:
            return None
        estimate = self._estimates(self._there(rung))
        return min(estimate, key=lambda t: (estimate[t], t)) if estimate else None

    def _there(self, rung: PromotionRung) -> dict[str, float]:
        """The trials that wait in a rung, with their values."""
        return {t: v for t, (v, _) in self.paused.items() if self._passed[t] == rung.epoch}

    def _estimates(self, values: Mapping[str, float]) -> dict[str, float]:
        known = [self._promise[t] - v for t, v in values.items() if t in self._promise]
        shift = median(known) if known else 0.0
        return {t: self._promise.get(t, v + shift) for t, v in values.items()}


def mf_search(plan: Plan, settings: AshaMfSettings, port: Port | None = None) -> PrefetchSearcher:
    """A searcher that asks the process over configuration and epoch, in this thread unless a port is given."""
    rungs = ladder(settings.grace_period, plan.epochs, settings.reduction_factor)
    ledger = CurveLedger(plan, rungs)
    answers = port or Inline(MultiFidelity(plan.space, plan.seed, plan.epochs))
    return PrefetchSearcher("mf", plan, settings, answers, ledger=ledger)


def build_asha_mf(plan: Plan, settings: Any, searcher: Searcher | None) -> Strategy:
    """ASHA's quotas, the process's choices."""
    return AshaMf(plan, settings, searcher or mf_search(plan, settings))


STRATEGIES.register(
    "asha-mf",
    Entry(
        name="asha-mf",
        summary="promoting ASHA with a Gaussian process over configuration and epoch that chooses new trials and which go on",
        scheduler="asynchronous successive halving, promoting form",
        searcher=SEARCHER,
        paper="Klein et al. (MOBSTER, 2020), https://arxiv.org/abs/2003.10865; Swersky et al. (2014), https://arxiv.org/abs/1406.3896",
        when="Trials are long, a few hundred are affordable, and the curves of good and bad configurations cross: what was seen at every "
        "rung counts for what is tried next. On 39 recorded tasks it was not ahead of asha. It costs checkpoints and, in a process of its own, about a second for a suggestion.",
        differs="MOBSTER chooses new configurations by the process and promotes as ASHA does; here the process also says which paused "
        "trial takes the place that the rung has to give, as in freeze-thaw. Its expected improvement is that at the last epoch; trials in "
        "progress count as if they had reached what is foretold. The kernel is one Matérn 5/2 over configuration and log epoch "
        "(scikit-learn's), after what all trials gain from rung to rung is taken off; it is fitted to 100 results at most.",
        settings=AshaMfSettings,
        build=build_asha_mf,
        needs_checkpoints=True,
    ),
)
