"""What a strategy is: an object that decides how a budget is spent.

It knows no Ray, no torch, no files and no clock; time comes in as an argument. ``ask`` and ``tell`` change nothing;
**only ``applied`` changes state**, so that a live run and the replay of its log are the same code.

Lower is better and every value is finite: whoever drives a strategy negates ``mode: max``, and reports a
divergence as an ``error`` event, not as a value.

Events that reach ``applied`` are those of the log (``perch.log.events``), as plain dictionaries with the kind in ``e``:

===========  ======================================================================================================
kind         keys that a strategy may read
===========  ======================================================================================================
trial        ``id``, ``i`` (ordinal from 0), ``config``, ``bracket``, ``by`` (who suggested it; ``request``: somebody, by hand,
             beyond the budget of trials), ``seen`` (how many results had been applied when it was asked for), ``note`` (what the
             searcher keeps there)
promote      ``id``: a paused trial goes on
result       ``id``, ``seg`` (segment), ``epoch``, ``value``, ``d`` (the action), ``rung``, ``cutoff``, ``rank``, ``judged``
             (what the rung compared, where that is not ``value``), and ``x`` =
             ``{donor, seg, epoch, config}`` for an exploit, after which the trial is in segment ``seg + 1``
checkpoint   ``id``, ``seg``, ``epoch``: from here a trial, or one that exploits it, can start
drop         ``id``, ``seg``, ``epoch``: that checkpoint is gone
error        ``id``, ``failure`` (its class; ``on_request``: somebody stopped it): the trial has ended and will report nothing more
keep         ``id``: somebody has asked that it be trained to its last epoch; if it is paused, it goes on
budget       ``trials``: so many trials of the strategy's own from here on; None: until the time is up
===========  ======================================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol

from perch.errors import StrategyError

Config = dict[str, Any]
"""One point of the search space, fixed values included."""

Event = Mapping[str, Any]
"""One line of the log."""

STRATEGY_KINDS: Final = frozenset({"trial", "promote", "result", "checkpoint", "drop", "error", "keep", "budget"})
"""Kinds of events that a strategy is shown; those of the search alone, not of confirmations."""


class Action(StrEnum):
    """What becomes of a trial after a result."""

    GO = "go"
    """Train on."""
    SAVE = "save"
    """Train on, but leave a checkpoint of this epoch first."""
    PAUSE = "pause"
    """Leave a checkpoint and free the worker; ``ask`` may resume the trial later."""
    STOP = "stop"
    """The end. A logged stop needs no second event."""
    EXPLOIT = "exploit"
    """Go on from another trial's checkpoint with another configuration (PBT)."""


@dataclass(frozen=True, slots=True)
class Exploit:
    """Start again from the donor's checkpoint ``(segment, epoch)`` with ``config``."""

    donor: str
    segment: int
    epoch: int
    config: Config


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to a result, with what explains it.

    ``rung`` is the epoch of the rung at which the trial was judged (None: it was not), ``cutoff`` the value it had to
    reach, ``rank`` its place in the rung with 1 the best, ``size`` how many the rung held, itself included.
    """

    action: Action
    rung: int | None = None
    cutoff: float | None = None
    rank: int | None = None
    size: int | None = None
    exploit: Exploit | None = None
    checkpoint: bool = True
    """For PAUSE: False when the trial will hardly go on, so that its checkpoint is not worth writing. Should it be
    resumed after all, it is trained again from the start."""
    judged: float | None = None
    """What the rung compared, where that is not the reported value (``perch.strategies.judged``)."""


GO: Final = Decision(Action.GO)
SAVE: Final = Decision(Action.SAVE)
PAUSE: Final = Decision(Action.PAUSE)
STOP: Final = Decision(Action.STOP)


@dataclass(frozen=True, slots=True)
class New:
    """A new trial. ``note`` is kept in the log and comes back in the ``trial`` event (a searcher's memory)."""

    config: Config
    bracket: int = 0
    by: str = "random"
    ask_s: float = 0.0
    note: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resume:
    """A paused trial goes on."""

    trial: str


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing will ever be asked for again (None means: not now)."""


DONE: Final = Done()

Answer = New | Resume | Done | None

Checkpoint = tuple[str, int, int]
"""A checkpoint by what it holds: ``(trial, segment, epoch)``."""


class Strategy(Protocol):
    """Decides how a budget is spent: everything that a driver may call.

    A class that names ``Strategy`` as its base inherits what a strategy without a slow searcher answers to ``notices``,
    ``surplus``, ``waiting``, ``wait`` and ``close``.
    """

    notices: tuple[str, ...] = ()
    """Notes for people, printed before the run starts."""
    judged_by: str = "last"
    """What trials are compared by at rungs (``perch.strategies.judged``); with ``training_loss`` a driver gives that too."""

    def ask(self, now_s: float) -> Answer:
        """What a free worker should do; ``now_s`` are the run's consumed seconds. Changes nothing."""
        ...

    def tell(self, trial: str, epoch: int, value: float, now_s: float, training_loss: float | None = None) -> Decision:
        """What becomes of a trial that reports ``value`` after ``epoch``. Changes nothing.

        ``training_loss`` is given to strategies that are ``judged_by`` it.
        """
        ...

    def applied(self, event: Event) -> None:
        """Take note of what happened: the only method that changes the strategy."""
        ...

    def by_hand(self, config: Config) -> New:
        """The trial of a configuration that somebody adds. Changes nothing. Raises StrategyError for one that it cannot take."""
        raise StrategyError(
            "this strategy takes no configurations by hand",
            why="it does not say how",
            fix="name them in the study: points",
        )

    def surplus(self) -> tuple[Checkpoint, ...]:
        """Checkpoints that the log holds and nobody will start from any more, the newest of every live trial excepted.

        Whoever deletes one says so with a ``drop`` event. Changes nothing.
        """
        return ()

    @property
    def waiting(self) -> bool:
        """True while the suggestion that was asked for last is being worked out: None meant "not yet"."""
        return False

    def wait(self, seconds: float) -> None:
        """Block until a suggestion is there, at most so long."""
        return

    def close(self) -> None:
        """End what was started for it (a searcher's process); nothing is asked any more."""
        return


class Searcher(Protocol):
    """Proposes configurations; the other half of a strategy, with the same rule about state.

    A class that names ``Searcher`` as its base inherits what a searcher that answers at once says to ``waiting``,
    ``wait`` and ``close``.

    ``ordinal`` counts the searcher's own suggestions from 0: configurations that the study names (``points``) come
    before them and are not counted. Of ``applied`` it sees every event, those of the points too.
    """

    name: str
    takes_priors: bool = True
    """Whether some of its suggestions may come from the space's priors instead (``perch.strategies.prior``)."""

    def suggest(self, ordinal: int, now_s: float) -> New | None:
        """The searcher's configuration number ``ordinal``, or None when it is not known yet. Changes nothing."""
        ...

    def applied(self, event: Event) -> None:
        """Take note of what happened."""
        ...

    @property
    def waiting(self) -> bool:
        """True while the suggestion that was asked for last is being worked out."""
        return False

    def wait(self, seconds: float) -> None:
        """Block until a suggestion is there, at most so long."""
        return

    def close(self) -> None:
        """End what was started to answer; nothing is asked any more."""
        return
