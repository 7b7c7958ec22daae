"""What Ray starts and imports beside its work, and Perch does without: processes with nothing to do, and counts for usage statistics that are off."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator
from typing import Final

SPARE: Final = ("start_monitor", "start_api_server", "start_log_monitor")
"""Methods of Ray's ``Node`` that start them: the monitor, which asks an autoscaler for nodes; the dashboard's server, which sends usage
statistics where the dashboard is off, and Perch turns both off; the log monitor, which passes on what workers print, and Perch asks for
none of it (it stays in the workers' files). ``ray.init`` has no argument for any of them. Each costs a second of a core and 70 MB or more."""


def without_spare_processes() -> contextlib.AbstractContextManager[None]:
    """A head node that ``ray.init`` starts meanwhile starts none of them. What a version of Ray does not have is left alone."""
    from ray._private.node import Node

    return _doing_nothing(Node, SPARE)


def without_counting_callbacks() -> contextlib.AbstractContextManager[None]:
    """Tune does not count callbacks by kind meanwhile, where usage statistics are off: it would import W&B, MLflow and others to do so."""
    from ray.air._internal import usage

    return _doing_nothing(usage, ("tag_callbacks",) if os.environ.get("RAY_USAGE_STATS_ENABLED") == "0" else ())


@contextlib.contextmanager
def _doing_nothing(owner: object, names: Collection[str]) -> Iterator[None]:
    """These functions of a class or a module do nothing meanwhile."""
    kept = {name: vars(owner)[name] for name in names if name in vars(owner)}
    for name in kept:
        setattr(owner, name, _nothing)
    try:
        yield
    finally:
        for name, function in kept.items():
            setattr(owner, name, function)


def _nothing(*_: object, **__: object) -> None:
    """Do nothing."""
