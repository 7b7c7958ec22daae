"""Searchers whose suggestions cost tenths of a second: asked ahead, so that no worker and no loop waits for them.

The question for trial i is fixed at the moment when trial i - ``ahead`` starts, by the log alone. It holds the results
known then, and as points in progress the trials then running and the suggestions promised since. So its answer does not
depend on how fast anything was, and after a kill the same question is asked again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from pydantic import Field

from perch.strategies.plan import Plan
from perch.strategies.prior import from_prior
from perch.strategies.registry import Settings
from perch.strategies.searchers.design import Design
from perch.strategies.searchers.observations import Ledger, Observation
from perch.strategies.strategy import Config, Event, New
from perch.vocabulary import REQUEST

LOG: Final = logging.getLogger("perch.suggestions")

MOST_AHEAD: Final = 64
FEW_WORKERS: Final = 16
"""So many wait for the model; with more, suggestions are asked for ahead for all of them, and late ones are filled in."""
LATE_S: Final = 5.0
FEWEST_RESULTS: Final = 3
"""With fewer results known the design goes on: they are too few for a surrogate."""


def usual_ahead(workers: int) -> int:
    """Suggestions asked for ahead, when the study names no number."""
    return min(max(workers // 2, 1), FEW_WORKERS // 2) if workers <= FEW_WORKERS else min(workers, MOST_AHEAD)


def initial_points(dimensions: int) -> int:
    """Points of the space-filling design before a surrogate, when the study names no number."""
    return max(8, 2 * (dimensions + 1))


class AheadSettings(Settings):
    """Settings of every searcher that is asked ahead."""

    initial: int | None = Field(
        None,
        ge=3,
        description="points of a space-filling design before the surrogate; default 2 (dimensions + 1), 8 at least",
    )
    ahead: int | None = Field(
        None,
        ge=1,
        le=MOST_AHEAD,
        description="suggestions asked for ahead; default: half of the workers, 1 to 8; with more than 16 as many as there are workers",
    )
    late_s: float | None = Field(
        None,
        ge=0,
        description="seconds that free workers wait for suggestions before they get points of a space-filling design; default: 5 with "
        "more than 16 workers, else they wait",
    )


class PrefetchSettings(AheadSettings):
    """Settings of those that are given one value of each trial."""

    told: Literal["last", "rung"] | None = Field(
        None,
        description="what a trial's value is: the last one, or the one at the epoch told_epoch; default: rung (with stock: last)",
    )
    told_epoch: int | None = Field(
        None, ge=1, description="the epoch of 'told: rung'; default: the first rung, or the last epoch without rungs"
    )


@dataclass(frozen=True, slots=True)
class Question:
    """Everything that the answer depends on, besides the seed."""

    number: int
    results: tuple[Observation, ...]
    pending: tuple[Config, ...]
    built: int = 0
    """For a model that is made once and for all: how many results there were at that moment."""
    waiting: tuple[tuple[str, Config], ...] = ()
    """Paused trials with their configurations, for a model that foretells their end."""

    @property
    def key(self) -> tuple[int, int, int]:
        """Tells questions of one run apart."""
        return self.number, len(self.results), len(self.pending)


@dataclass(frozen=True, slots=True)
class Reply:
    """A configuration of searched values; or, in ``trouble``, why there is none."""

    config: Config = field(default_factory=dict)
    note: dict[str, Any] = field(default_factory=dict)
    ask_s: float = 0.0
    trouble: str = ""


class Port(Protocol):
    """The connection to what answers questions. Never blocks, unless it was made to."""

    def prepare(self) -> None:
        """Questions will come: what takes seconds to start is started now."""
        ...

    def ask(self, question: Question) -> Reply | None:
        """The reply, or None while it is being worked out; the same question may be put at any time."""
        ...

    def wait(self, seconds: float) -> None:
        """Block until a reply comes, at most so long."""
        ...

    def forget(self, number: int) -> None:
        """Questions up to ``number`` will not be put any more."""
        ...

    def close(self) -> None:
        """No question will come any more."""
        ...


@dataclass(frozen=True, slots=True)
class _Moment:
    """What was known when a question was fixed."""

    seen: int
    pending: tuple[Config, ...]
    waiting: tuple[tuple[str, Config], ...] = ()


class Inline:
    """A port that works the answer out when it is asked for."""

    def __init__(self, answer: Callable[[Question], Reply]) -> None:
        self._answer = answer

    def prepare(self) -> None:
        """Nothing takes time to start."""

    def ask(self, question: Question) -> Reply:
        """The reply, at once."""
        return self._answer(question)

    def wait(self, seconds: float) -> None:
        """Every reply is there."""

    def forget(self, number: int) -> None:
        """Nothing is kept."""

    def close(self) -> None:
        """Nothing is open."""


class PrefetchSearcher:
    """Asks a port, ahead; what cannot be had from it is drawn at random and says so in ``New.by``."""

    def __init__(
        self,
        name: str,
        plan: Plan,
        settings: AheadSettings,
        port: Port,
        *,
        rung: int | None = None,
        own_start: int = 0,
        ledger: Ledger | None = None,
    ) -> None:
        """Make one.

        Args:
            name: what ``New.by`` says.
            plan: the run.
            settings: of the strategy.
            port: answers the questions.
            rung: the first rung, for ``told: rung``.
            ledger: keeps the results; default: one value of each trial, as ``told`` says.
            own_start: above 0, the port draws so many first points itself, makes one model then, and may repeat itself.
        """
        self.name = name
        self._plan, self._port = plan, port
        if ledger is None:
            told, at = (settings.told, settings.told_epoch) if isinstance(settings, PrefetchSettings) else (None, None)
            ledger = Ledger(plan, told or ("last" if own_start else "rung"), at or rung or plan.epochs)
        self._ledger = ledger
        self._design = Design(plan.space, plan.seed)
        dimensions = len(plan.space.dimensions)
        self._own_start = own_start
        self.takes_priors = not own_start
        self._initial = 0 if own_start else settings.initial or initial_points(dimensions)
        self._ahead = settings.ahead or usual_ahead(plan.workers)
        self._late_s = (LATE_S if plan.workers > FEW_WORKERS else None) if settings.late_s is None else settings.late_s
        self._behind_since_s: float | None = None
        """Since when workers have been waiting without a break; None: the next suggestion was there when it was asked for."""
        self._asked_for = -1
        self._said_late = False
        self._first = len(plan.points)
        self._started = self._added = 0
        self._trials = plan.trials
        self._moments = {i: _Moment(len(self._ledger.observations), ()) for i in range(self._ahead)}
        self._built: int | None = None
        self._note_built()
        self._logged: dict[int, Config] = {}
        self._answers: dict[int, New] = {}
        self._live = self._prepared = False
        self.waiting = False
        """The last suggestion that was asked for is being worked out: the strategy is not stuck, however long it takes."""

    def suggest(self, ordinal: int, now_s: float) -> New | None:
        """The reply to the question that was fixed ``ahead`` trials ago; None while it is being worked out."""
        self._live = True  # until somebody asks, events come from the replay of a log
        self._ask_ahead()
        i = ordinal + self._first
        new = self._answer(i)
        if new is not None and self._asked_for != i:
            self._behind_since_s = None
        elif new is None and self._behind_since_s is None:
            self._behind_since_s = now_s
        self._asked_for = i
        late = self._late_s is not None and self._behind_since_s is not None
        if new is None and late and now_s - self._behind_since_s >= self._late_s:  # type: ignore[operator]
            new = self._fill_in(ordinal)
        self.waiting = new is None
        return new

    def applied(self, event: Event) -> None:
        """Learn, and fix the question that a new trial makes due."""
        self._ledger.applied(event)
        if event["e"] == "budget":
            self._trials = event["trials"]
        if event["e"] != "trial" or event["i"] < self._started + self._added:
            return
        if event.get("by") == REQUEST:  # somebody's own: no answer to a question, but known to the next ones
            self._added += 1
            return
        i = event["i"] - self._added
        self._started = i + 1
        self._moments[i + self._ahead] = self._moment()
        self._note_built()
        self._logged[i] = self._ledger.searched(event["config"])
        for old in (i - self._ahead, i - self._ahead - 1):
            self._logged.pop(old, None)
        self._moments.pop(i, None)
        self._answers.pop(i, None)
        self._port.forget(i - self._first)
        if self._live:
            self._prepare()
            self._ask_ahead()

    def wait(self, seconds: float) -> None:
        """Block until a question is answered, at most so long."""
        self._port.wait(seconds)

    def close(self) -> None:
        """End what answers the questions."""
        self._port.close()

    def _fill_in(self, ordinal: int) -> New:
        """A point of the design for a worker that has waited too long."""
        if not self._said_late:
            self._said_late = True
            LOG.warning(
                "suggestions of %s come later than workers are free: those that wait %g s get points of a space-filling design "
                "('by' in the table of trials says which)", self.name, self._late_s,
            )  # fmt: skip
        config = self._plan.space.complete(self._design[ordinal])
        return New(config, by=f"design ({self.name} is late)")

    # --- questions --------------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        """With the first trial of a live run the port is started, so that its start overlaps with the design's trials."""
        if not self._prepared and (self._trials is None or self._trials > self._first + self._initial):
            self._prepared = True
            self._port.prepare()

    def _ask_ahead(self) -> None:
        """Put every question that is fixed, in their order, within the budget."""
        for i in range(self._started, self._started + self._ahead):
            if self._trials is not None and i >= self._trials:
                return
            if self._answer(i) is None:
                return

    def _answer(self, i: int) -> New | None:
        """What trial ``i`` will be, as soon as it is known."""
        if i not in self._answers:
            new = self._find(i)
            if new is None:
                return None
            self._answers[i] = new
        return self._answers[i]

    def _find(self, i: int) -> New | None:
        ordinal = i - self._first
        if ordinal < 0:
            return New(self._plan.space.complete(self._plan.points[i]), by="point")
        moment = self._moments.get(i)
        if moment is None:  # further ahead than anything was fixed: a driver that skips numbers
            moment = self._moments[i] = self._moment()
        if self.takes_priors and (believed := from_prior(self._plan, ordinal)) is not None:
            return believed
        if not self._own_start and (ordinal < self._initial or moment.seen < FEWEST_RESULTS):
            return New(self._plan.space.complete(self._design[ordinal]), by="design")
        question = self._question(i, moment)
        reply = self._port.ask(question) if question is not None else None
        if question is None or reply is None:
            return None
        return self._checked(ordinal, question, reply)

    def _moment(self) -> _Moment:
        return _Moment(len(self._ledger.observations), self._ledger.pending(), self._ledger.waiting())

    def _question(self, i: int, moment: _Moment) -> Question | None:
        """The question for trial ``i``; None while a promise made before it is not known."""
        promised: list[Config] = []
        for j in range(max(i - self._ahead + 1, 0), i):
            config = self._logged.get(j)
            if config is None:
                new = self._answer(j)
                if new is None:
                    return None
                config = self._ledger.searched(new.config)
            promised.append(config)
        results = tuple(self._ledger.observations[: moment.seen])
        pending = (*moment.pending, *promised)
        return Question(i - self._first, results, pending, min(self._built or 0, moment.seen), moment.waiting)

    def _checked(self, ordinal: int, question: Question, reply: Reply) -> New:
        """The reply as a trial, or a random one where the reply is of no use."""
        trouble = reply.trouble
        if not trouble:
            config = self._plan.space.complete(reply.config)
            trouble = next(self._plan.space.problems(config), "")
            known = (question.pending, [t.config for t in question.results])
            if not trouble and not self._own_start and any(reply.config in some for some in known):
                trouble = "it repeated a configuration"
        note = {"seen": len(question.results), "pending": len(question.pending), **reply.note}
        if trouble:
            config = self._plan.space.draw(self._plan.seed, ordinal)
            return New(config, by=f"random ({self.name}: {trouble})", ask_s=reply.ask_s, note=note)
        return New(config, by=self.name, ask_s=reply.ask_s, note=note)

    def _note_built(self) -> None:
        """A model that is made once is made at the first question after its own first points."""
        moment = self._moments.get(self._first + self._own_start)
        if self._own_start and self._built is None and moment is not None:
            self._built = moment.seen
