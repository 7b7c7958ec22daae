"""An engine without Ray: stints one after another in this process. For tests, and for debugging a trainable."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from perch.run.campaign import Campaign, Order, Stint

Step = Callable[[Mapping[str, Any], str, int, dict[str, Any]], dict[str, Any]]
"""``step(config, trial, epoch, memory)`` trains one epoch and returns metrics; ``memory`` is what a checkpoint holds."""


class InlineEngine:
    """Takes a stint as far as the campaign lets it, with ``slots`` of them taking turns. ``stop_after``: results until
    the process counts as killed (nothing more is written), to test what a new attempt makes of the log.
    """

    def __init__(self, campaign: Campaign, step: Step, *, slots: int = 1, stop_after: int | None = None) -> None:
        self.campaign, self.step, self.slots, self.left = campaign, step, slots, stop_after
        campaign.worker_slots = slots
        self.trained: list[tuple[str, int, int]] = []
        """(trial, segment, epoch) of every epoch that was really trained."""

    def fit(self) -> None:
        """Run until the campaign ends, or is "killed"."""
        running: list[tuple[Stint, int, dict[str, Any]]] = []
        self.campaign.begin()
        while True:
            while len(running) < self.slots:
                stint = self.campaign.next_stint(len(running)) or self.campaign.next_confirmation()
                if stint is None:
                    break
                running.append((stint, *self._restore(stint)))
            if not running:
                return
            stint, epoch, memory = running.pop(0)
            if self.left is not None:
                self.left -= 1
                if self.left < 0:
                    return
            if self._epoch(stint, epoch + 1, memory):
                running.append((stint, epoch + 1, memory))

    def _restore(self, stint: Stint) -> tuple[int, dict[str, Any]]:
        if stint.start is None:
            return 0, {}
        path = self.campaign.folder.path / stint.start.path / "memory.json"
        return stint.start.epoch, json.loads(path.read_text())

    def _epoch(self, stint: Stint, epoch: int, memory: dict[str, Any]) -> bool:
        """Train one epoch; True when the stint goes on."""
        try:
            metrics = self.step(stint.config, stint.trial, epoch, memory)
        except Exception as error:
            self.campaign.failed(stint.trial, "code", repr(error))
            return False
        self.trained.append((stint.trial, stint.segment, epoch))
        order = self.campaign.result(stint.trial, stint.segment, epoch, metrics)
        if order in (Order.SAVE, Order.SAVE_AND_STOP):
            self._save(stint, epoch, memory)
        if order in (Order.STOP, Order.SAVE_AND_STOP):
            self.campaign.stint_left(stint.trial)
            return False
        return True

    def _save(self, stint: Stint, epoch: int, memory: dict[str, Any]) -> None:
        attempt = f"attempt-{self.campaign.log.attempt:03d}"
        path = f"checkpoints/{attempt}/{stint.trial}-{stint.segment}-{epoch}"
        folder = self.campaign.folder.path / path
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "memory.json").write_text(json.dumps(memory))
        self.campaign.saved(stint.trial, path)
