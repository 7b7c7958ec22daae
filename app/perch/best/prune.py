"""Weights on disk of trials that no longer lead are deleted while a run goes on."""

from __future__ import annotations

from perch.log.folder import RunFolder
from perch.log.state import State


def prune_weights(folder: RunFolder, state: State) -> None:
    """Delete the weights of trials that have ended and no longer lead."""
    for path in folder.weights.glob("*.pt"):
        if path.stem in state.ended and path.stem not in state.top:
            path.unlink(missing_ok=True)
