"""What becomes of a trial whose placement has ended otherwise than by a decision: failed, lost, evicted, or left its worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from perch.campaign.staying import Staying
from perch.formatting import clipped, gist

MAX_LOSSES = {"machine": 3, "unknown": 2}
"""A trial that meets so many faults of a kind without a new epoch between has failed: it may be what causes them."""

MOST_FAULTS = 3
"""A node that has broken so many placements by a fault of its own is avoided for the rest of the run."""


class Faults(Staying):
    """A failure is the trial's own; whatever else happens to a placement, its trial is tried again."""

    def left_worker(self, trial: str) -> None:
        """The engine has taken a placement off its worker (after a save, say)."""
        self.saving.pop(trial, None)
        self._placement_ended(trial)

    def failed(self, trial: str, failure: str, message: str) -> None:
        """A trial has failed by its own fault: a row in the table."""
        live = self.state.live.get(trial)
        self.saving.pop(trial, None)
        if live is None:
            self._placement_ended(trial)
            return
        self.emit(e="error", id=trial, seg=live.segment, epoch=live.epoch, failure=failure, message=clipped(message))
        self._placement_ended(trial)
        self._drop_surplus(trial)
        failed, begun = self.state.counts["failed"], self.state.started  # paused trials count as good ones
        most = self.rules.max_failed_trials
        if most is not None and (self.state.failures_in_a_row >= most or (begun >= 10 and failed * 2 >= begun)):
            first = self.state.failed_examples[0] if self.state.failed_examples else message
            self.end("hopeless", f"{failed} of {begun} trials failed; the first with: {gist(first)}")

    def evicted(self, trial: str, *, hangs: bool = False) -> None:
        """The engine has ended a placement that was overdue. A trial that hangs has failed; another has not ended."""
        spent = self.spent.get(trial)
        if spent is not None:
            spent.cut_off(self.clock.now_s())
        if hangs:
            self.failed(trial, "hung", f"an epoch took longer than {self.epoch_limit_s:.0f} s (epoch_limit)")
        self.left_worker(trial)

    def abandon(self) -> None:
        """The engine is gone: account for the placements that it held."""
        for trial in list(self.spent):
            self.evicted(trial)

    def withdrawn(self, trial: str) -> None:
        """The engine has taken a placement back whose worker cannot come any more; it is made anew."""
        self._placement_ended(trial)
        self.queue.append(trial)

    def suspects(self, present: Sequence[str]) -> list[str]:
        """Addresses of nodes that have broken several trials by faults of their own; never the last one ``present``.

        ``present``: addresses of the nodes that take a trial.
        """
        state = self.state
        usable = [node for node in present if node not in state.avoided]
        found = [node for node in usable if state.faults[node] >= MOST_FAULTS]
        return found if len(found) < len(usable) else []

    def finished_early(self, trial: str) -> None:
        """A trainable has ended by itself before the last epoch: the end of the trial, and a failure only if it said nothing."""
        live = self.state.live.get(trial)
        if live is not None and live.best is None:
            self.failed(trial, "code", f"it ended without reporting '{self.rules.metric}'")
        elif live is not None:
            self.emit(e="error", id=trial, seg=live.segment, epoch=live.epoch, failure="ended", message="")

    def faulted(
        self, trial: str, failure: str, whose: str, message: str, node: str | None = None, *, alone: bool = False
    ) -> None:
        """A stretch of a trial ended in an error: ``whose`` it is decides (``trial``, ``machine`` or ``unknown``)."""
        if whose == "trial":
            self.failed(trial, failure, message)
        else:
            self.lost(trial, message, failure=failure, whose=whose, node=node, alone=alone)

    def lost(
        self, trial: str, message: str, *, failure: str = "lost", whose: str = "machine", node: str | None = None,
        alone: bool = False,
    ) -> None:  # fmt: skip
        """A worker, its node or something of it is broken: not the trial's fault, or not surely, so it is tried again.

        ``node``: the address of the machine on which it happened, where it is known. ``alone``: it may be a neighbour's on the
        same GPU, so that it is tried again without any.
        """
        live = self.state.live.get(trial)
        self.saving.pop(trial, None)
        if live is None:
            self._placement_ended(trial)
            return
        where: dict[str, Any] = {**({"node": node} if node else {}), **({"alone": True} if alone else {})}
        seg, epoch = live.segment, live.epoch
        self.emit(
            e="lost",
            id=trial,
            seg=seg,
            epoch=epoch,
            failure=failure,
            whose=whose,
            **where,
            message=clipped(message, 500),
        )
        self._placement_ended(trial)
        met = live.doubts if whose == "unknown" else live.losses
        if met >= MAX_LOSSES[whose]:
            self.failed(trial, failure, f"{failure}, {met} times at epoch {live.epoch}: {message}")
        elif live.status == "running" and self.ending is None:
            self.queue.append(trial)
