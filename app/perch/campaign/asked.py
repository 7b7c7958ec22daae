"""What somebody asks of a run by hand: a trial stopped or kept, a configuration added, the budget changed, the search ended.

Each is one event in the log, so a replay makes the same of it, and none is decided twice. What cannot be done raises RequestError,
or StrategyError, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from perch.campaign.judging import Judging
from perch.errors import RequestError
from perch.formatting import duration
from perch.log.state import SEARCH, Live
from perch.vocabulary import ON_REQUEST


class Asked(Judging):
    """``request``: the id of the request, by which the log knows that it has been done. Each returns what was done, in words."""

    def stop_trial(self, name: str, request: str) -> str:
        """End a trial of the search, as if its strategy had stopped it; its worker is free at the end of the epoch at the latest."""
        live = self._searching(name, "stopped")
        epoch = live.epoch
        self.emit(e="error", id=live.id, seg=live.segment, epoch=epoch, failure=ON_REQUEST, message="", request=request)
        if (spent := self.spent.get(live.id)) is not None:
            spent.unwanted_s = self.clock.now_s()
        self._drop_surplus(live.id)
        return f"trial {live.id} is stopped after epoch {epoch}"

    def keep_trial(self, name: str, request: str) -> str:
        """Train a trial of the search to its last epoch, whatever the strategy says of it; one that is paused goes on."""
        live = self._searching(name, "kept")
        if live.kept:
            return f"trial {live.id} was kept already"
        paused = live.status == "paused"
        if paused:
            self._refuse_after_the_search("a paused trial cannot go on")
        self.emit(e="keep", id=live.id, seg=live.segment, epoch=live.epoch, request=request)
        if paused:
            self.queue.append(live.id)
        return f"trial {live.id} is kept: it trains to epoch {self.rules.epochs}" + (
            " and goes on now" if paused else ""
        )

    def add_trial(self, config: Mapping[str, Any], request: str) -> str:
        """A trial of this configuration, beyond the budget of trials; it takes the next free worker."""
        self._refuse_after_the_search("no configuration can be added")
        if reason := self.refuses(config):
            raise RequestError("the configuration does not fit the device", why=reason, fix="add a smaller one")
        name = self._write_trial(self.state.strategy.by_hand(dict(config)), request=request)
        self.queue.append(name)
        return f"trial {name} has the configuration; it takes the next free worker"

    def change_budget(self, trials: int | None, time_s: float | None, request: str) -> str:
        """So many trials, and so many consumed seconds, for the search as a whole; None: as it was."""
        self._refuse_after_the_search("the budget cannot be changed")
        begun, used_s = self.state.started - self.state.by_hand.added, self.clock.now_s() - self.state.confirmed_s
        end = "or end the search: perch ctl RUN end"
        if trials is not None and trials < begun:
            raise RequestError(
                f"a budget of {trials} trials is smaller than what is spent", why=f"{begun} trials have begun",
                fix=f"give {begun} at least, {end}",
            )  # fmt: skip
        if time_s is not None and time_s <= used_s:
            raise RequestError(
                f"a time budget of {duration(time_s)} is smaller than what is spent", why=f"the search has used {duration(used_s)}",
                fix=f"give more, {end}",
            )  # fmt: skip
        trials = self.rules.trials if trials is None else trials
        time_s = self.rules.time_s if time_s is None else time_s
        self.emit(e="budget", trials=trials, time=time_s, request=request)
        self.rules = replace(self.rules, trials=trials, time_s=time_s)
        self.confirmation.time_s = time_s
        said = [f"{trials} trials"] if trials is not None else []
        said += [duration(time_s)] if time_s is not None else []
        return f"the budget is {' and '.join(said)}"

    def end_search(self, request: str) -> str:
        """End the search here: running trials end their epoch and are saved, the best are confirmed, and a winner is named."""
        self._refuse_after_the_search("the search cannot be ended")
        self.emit(e="end", request=request)
        return "the search is over: running trials end their epoch, then the best are confirmed and the winner is named"

    def _searching(self, name: str, done: str) -> Live:
        """A trial of the search that may still train. Raises RequestError for an unknown one, and one that has ended."""
        if self.ending is not None:
            raise RequestError("the run is about to end", why=self.why, fix="ask when it has been resumed")
        live, ended = self.state.live, self.state.ended
        known = name if name in live or name in ended else f"{int(name):05d}" if name.isdecimal() else name
        if known not in live and known not in ended:
            begun = self.state.started
            reason = f"trials 00000 to {begun - 1:05d} have begun" if begun else "no trial has begun yet"
            raise RequestError(
                f"no trial is called '{name}'", why=reason, fix="take an id from the report's table of trials"
            )
        if known in ended:
            raise RequestError(
                f"trial {known} has ended already",
                why=f"it is {ended[known].status}",
                fix=f"only a trial that trains or waits can be {done}",
            )
        if live[known].phase != SEARCH:
            raise RequestError(
                f"trial {known} cannot be {done}", why="it is a training with a fresh seed, which must be as long as the others it is compared with",
                fix="let it end, or leave the run: perch ctl RUN leave",
            )  # fmt: skip
        return live[known]

    def _refuse_after_the_search(self, what: str) -> None:
        if self.ending is not None:
            raise RequestError(what, why=f"the run is about to end: {self.why}", fix="ask when it has been resumed")
        if self.state.confirming or self.time_is_up:
            over = "the best are being trained with fresh seeds" if self.state.confirming else "its time is up"
            raise RequestError(
                what, why=f"the search is over: {over}",
                fix="let the run end, and run it again with a larger budget: it goes on from there",
            )  # fmt: skip
