"""Perch: hyperparameter tuning of neural networks for atomistic science. See ``Study``, ``run`` and ``Run``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perch.record.reading import Run
    from perch.runs.runner import run
    from perch.study import Study

__all__ = ["Run", "Study", "run"]
_HOMES = {"Run": "perch.record.reading", "Study": "perch.study", "run": "perch.runs.runner"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: ``perch --help`` needs none of them."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'perch' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
