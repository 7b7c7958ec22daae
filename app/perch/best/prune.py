"""Weights on disk of trials that no longer lead are deleted while a run goes on; those of fresh seeds stay for ``best/``."""

from __future__ import annotations

import shutil

from perch.campaign.race import beaten
from perch.log.folder import RunFolder
from perch.log.state import CONFIRM, State


def prune_weights(folder: RunFolder, state: State) -> None:
    """Delete the weights of trials that have ended and no longer lead: Perch's own, a Python trainable's, and a program's."""
    for path in folder.weights.glob("*.pt"):
        if _useless(state, path.stem) and state.phase_of(path.stem) != CONFIRM:  # they are small, and runners-up too
            path.unlink(missing_ok=True)
    for kept in (*folder.weights.glob("*/about.json"), *folder.program_trials.glob("*/best/about.json")):
        place = kept.parent
        trial = place.name if place.parent == folder.weights else place.parent.name
        if _useless(state, trial):
            shutil.rmtree(place, ignore_errors=True)


def _useless(state: State, trial: str) -> bool:
    """True for a trial that has ended and no longer leads, and for a fresh seed of a configuration that is beaten."""
    ended = state.ended.get(trial)
    if ended is None:
        return False
    return ended.of in beaten(state.fresh) if ended.phase == CONFIRM else trial not in state.top
