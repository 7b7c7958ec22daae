"""An engine without Ray: placements one after another in this process. For tests, and for debugging a trainable."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from perch.campaign.placement import Instruction, Placement
from perch.campaign.seams import CampaignForEngine
from perch.log.folder import RunFolder
from perch.training.failure import classify

Step = Callable[[Mapping[str, Any], str, int, dict[str, Any]], dict[str, Any]]
"""``step(config, trial, epoch, memory)`` trains one epoch and returns metrics; ``memory`` is what a checkpoint holds."""


class InlineEngine:
    """Takes a placement as far as the campaign lets it, with ``slots`` of them taking turns. ``stop_after``: results until
    the process counts as killed (nothing more is written), to test what a new attempt makes of the log.
    """

    def __init__(
        self,
        campaign: CampaignForEngine,
        folder: RunFolder,
        attempt: int,
        step: Step,
        *,
        slots: int = 1,
        stop_after: int | None = None,
    ) -> None:
        self.campaign, self.folder, self.attempt = campaign, folder, attempt
        self.step, self.slots, self.left = step, slots, stop_after
        campaign.worker_slots = slots
        self.trained: list[tuple[str, int, int]] = []
        """(trial, segment, epoch) of every epoch that was really trained."""

    def fit(self) -> None:
        """Run until the campaign ends, or is "killed"."""
        running: list[tuple[Placement, int, dict[str, Any]]] = []
        self.campaign.begin()
        while True:
            while len(running) < self.slots:
                placement = self.campaign.next_placement(len(running)) or self.campaign.next_confirmation()
                if placement is None:
                    break
                running.append((placement, *self._restore(placement)))
            if not running:
                return
            placement, epoch, memory = running.pop(0)
            if self.left is not None:
                self.left -= 1
                if self.left < 0:
                    return
            if self._epoch(placement, epoch + 1, memory):
                running.append((placement, epoch + 1, memory))

    def _restore(self, placement: Placement) -> tuple[int, dict[str, Any]]:
        if placement.start is None:
            return 0, {}
        path = self.folder.path / placement.start.path / "memory.json"
        return placement.start.epoch, json.loads(path.read_text())

    def _epoch(self, placement: Placement, epoch: int, memory: dict[str, Any]) -> bool:
        """Train one epoch; True when the placement goes on."""
        try:
            metrics = self.step(placement.config, placement.trial, epoch, memory)
        except Exception as error:
            fault = classify(error)
            self.campaign.faulted(placement.trial, fault.failure, fault.whose, repr(error))
            return False
        self.trained.append((placement.trial, placement.segment, epoch))
        order = self.campaign.result(placement.trial, placement.segment, epoch, metrics)
        if order in (Instruction.SAVE, Instruction.SAVE_AND_STOP):
            self._save(placement, epoch, memory)
        if order in (Instruction.STOP, Instruction.SAVE_AND_STOP):
            self.campaign.left_worker(placement.trial)
            return False
        return True

    def _save(self, placement: Placement, epoch: int, memory: dict[str, Any]) -> None:
        attempt = f"attempt-{self.attempt:03d}"
        path = f"checkpoints/{attempt}/{placement.trial}-{placement.segment}-{epoch}"
        folder = self.folder.path / path
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "memory.json").write_text(json.dumps(memory))
        self.campaign.saved(placement.trial, path)
