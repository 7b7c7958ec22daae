"""Perch: hyperparameter tuning of neural networks for atomistic science.

``Study``: what is tuned, on which data, over which space, within which budget; the keys of a study file are its arguments.
``run``: runs a study, or goes on with it, and returns its record.
``Run``: a run's record, with its tables, best configuration, models and pictures.

    from perch import Run, Study, run

    found = run(Study(data={"source": "extxyz", "path": "slabs.extxyz", "target": "energy_ev"}, budget={"time": "30m"}))
    found.best, found.trials, found.plot_incumbent(), found.predict("new.extxyz")
    found = Run.load("results/my-run")          # later

Every error is a ``perch.errors.PerchError``: what, why, and what to do about it. ``help(perch.run)`` says more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perch.api.run import Run
    from perch.api.running import run
    from perch.study import Study

__all__ = ["Run", "Study", "run"]
_HOMES = {"Run": "perch.api.run", "Study": "perch.study", "run": "perch.api.running"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: ``perch --help`` needs none of them."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'perch' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
