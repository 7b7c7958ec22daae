"""Weights on disk of trials that no longer lead are deleted while a run goes on."""

from __future__ import annotations

import shutil

from perch.log.folder import RunFolder
from perch.log.state import State


def prune_weights(folder: RunFolder, state: State) -> None:
    """Delete the weights of trials that have ended and no longer lead: Perch's own, a Python trainable's, and a program's."""
    for path in folder.weights.glob("*.pt"):
        if path.stem in state.ended and path.stem not in state.top:
            path.unlink(missing_ok=True)
    for kept in (*folder.weights.glob("*/about.json"), *folder.program_trials.glob("*/best/about.json")):
        place = kept.parent
        trial = place.name if place.parent == folder.weights else place.parent.name
        if trial in state.ended and trial not in state.top:
            shutil.rmtree(place, ignore_errors=True)
