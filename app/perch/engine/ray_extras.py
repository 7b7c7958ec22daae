"""What Ray starts and imports beside its work, and Perch does without: processes with nothing to do, and counts for usage statistics that are off."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any, Final

SPARE: Final = ("start_monitor", "start_api_server", "start_log_monitor")
"""Methods of Ray's ``Node`` that start them: the monitor, which asks an autoscaler for nodes; the dashboard's server, which sends usage
statistics where the dashboard is off, and Perch turns both off; the log monitor, which passes on what workers print, and Perch asks for
none of it (it stays in the workers' files). ``ray.init`` has no argument for any of them. Each costs a second of a core and 70 MB or more."""


@contextlib.contextmanager
def without_spare_processes() -> Iterator[None]:
    """A head node that ``ray.init`` starts meanwhile starts none of them. What a version of Ray does not have is left alone."""
    from ray._private.node import Node

    kept: dict[str, Any] = {name: vars(Node)[name] for name in SPARE if name in vars(Node)}
    for name in kept:
        setattr(Node, name, _nothing)
    try:
        yield
    finally:
        for name, method in kept.items():
            setattr(Node, name, method)


@contextlib.contextmanager
def without_counting_callbacks() -> Iterator[None]:
    """Tune does not count callbacks by kind meanwhile, where usage statistics are off: it would import W&B, MLflow and others to do so."""
    from ray.air._internal import usage

    kept = vars(usage).get("tag_callbacks")
    if kept is None or os.environ.get("RAY_USAGE_STATS_ENABLED") != "0":
        yield
        return
    usage.tag_callbacks = _nothing
    try:
        yield
    finally:
        usage.tag_callbacks = kept


def _nothing(*_: object, **__: object) -> None:
    """Do nothing."""
