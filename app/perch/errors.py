"""Every error that Perch raises on purpose, in one tree.

* PerchError            anything below; the command line prints its three lines and exits
  - StudyError          the study file, the command line or the search space
  - DataError           structures, targets, graphs, splits
  - StrategyError       a strategy's settings, or what it needs and does not find
  - TrialError          one trial's own failure (a row in the table, never the end of a run)
    + Diverged          its loss stopped being a finite number
    + DeviceError       the device that it was given is not there: the machine's fault
  - RecordError         a run folder: unreadable, unfinished, of another study
  - RequestError        something that is asked of a run that goes on, and that it cannot do
  - ClusterError        Ray, Slurm or Kubernetes
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class PerchError(Exception):
    """What went wrong, why, and what to do about it: three sentences, shown as three lines.

    ``exit_code`` is 2 for bad input found before anything has started, 1 for a failure later on.
    """

    exit_code = 2

    def __init__(self, what: str, *, why: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what, self.why, self.fix = what, why, fix

    def __str__(self) -> str:
        lines = [self.what]
        if self.why:
            lines.append(f"why: {self.why}")
        if self.fix:
            lines.append(f"fix: {self.fix}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the three sentences when the error travels between processes."""
        return (_rebuild, (type(self), self.what, self.why, self.fix))


def _rebuild(kind: type[PerchError], what: str, why: str, fix: str) -> PerchError:
    return kind(what, why=why, fix=fix)


class StudyError(PerchError):
    """The study file, a command-line option or the search space is wrong."""


class DataError(PerchError):
    """Structures, targets, graphs or splits are wrong."""


class StrategyError(PerchError):
    """A strategy's settings are wrong, or it lacks something that it needs."""


class TrialError(PerchError):
    """One trial failed; the run goes on."""

    exit_code = 1


class Diverged(TrialError):
    """The loss of a trial is no longer finite."""


class DeviceError(TrialError):
    """The machine does not offer the device that a trial was given."""


class RecordError(PerchError):
    """A run folder cannot be read, or belongs to something else."""


class RequestError(PerchError):
    """A run that goes on cannot do what is asked of it."""


class ClusterError(PerchError):
    """Ray, Slurm or Kubernetes does not do what was asked."""

    exit_code = 1


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint such as ``did you mean 'asha'? known: ahb, asha, rs``."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return f"{hint}known: {', '.join(names)}"
