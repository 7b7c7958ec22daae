"""What Ray does beside its work, and Perch does without: processes with nothing to do, environments of workers that equal
this process's, and counts for usage statistics that are off.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import Final

SPARE: Final = ("start_monitor", "start_api_server", "start_log_monitor")
"""Methods of Ray's ``Node`` that start them: the monitor, which asks an autoscaler for nodes; the dashboard's server, which sends usage
statistics where the dashboard is off, and Perch turns both off; the log monitor, which passes on what workers print, and Perch asks for
none of it (it stays in the workers' files). ``ray.init`` has no argument for any of them. Each costs a second of a core and 70 MB or more."""

FOR_TRIALS: Final = {"PL_DISABLE_FORK": "1", "RAY_CHDIR_TO_TRIAL_DIR": "0"}
"""What Tune puts into the environment of each trial's worker. Every process of a private Ray has it from its start instead."""


def without_spare_processes() -> contextlib.AbstractContextManager[None]:
    """A head node that ``ray.init`` starts meanwhile starts none of them."""
    from ray._private.node import Node

    return _replaced(Node, dict.fromkeys(SPARE, _nothing))


def workers_inherit() -> contextlib.AbstractContextManager[None]:
    """Tune asks for no environment of its own for the workers of trials meanwhile; for a Ray whose processes were started from here.

    For one of its own Ray starts a worker when it is asked for, through a first process that imports Ray only to start the
    second, while the workers that it started in advance, one per core, stay idle. They are used instead. What Tune would pass on
    from this process at each trial (``AWS_SESSION_TOKEN``, say) they have as it was when Ray was started.
    """
    from ray.tune.execution import class_cache

    return _replaced(class_cache, {"DEFAULT_ENV_VARS": {}, "ENV_VARS_TO_PROPAGATE": frozenset()})


def without_counting_callbacks() -> contextlib.AbstractContextManager[None]:
    """Tune does not count callbacks by kind meanwhile, where usage statistics are off: it would import W&B, MLflow and others to do so."""
    from ray.air._internal import usage

    return _replaced(usage, {"tag_callbacks": _nothing} if os.environ.get("RAY_USAGE_STATS_ENABLED") == "0" else {})


@contextlib.contextmanager
def _replaced(owner: object, replacements: Mapping[str, object]) -> Iterator[None]:
    """These names of a class or a module mean something else meanwhile. What a version of Ray does not have is left alone."""
    kept = {name: vars(owner)[name] for name in replacements if name in vars(owner)}
    try:
        for name in kept:
            setattr(owner, name, replacements[name])
        yield
    finally:
        for name, value in kept.items():
            setattr(owner, name, value)


def _nothing(*_: object, **__: object) -> None:
    """Do nothing."""
