"""What kind of failure ended a trial. Looks at names and words only, so that nothing heavy is imported."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

OUT_OF_MEMORY: Final = "out_of_memory"
DIVERGED: Final = "diverged"
DATA: Final = "data"
CODE: Final = "code"
LOST: Final = "lost"

_KINDS: Final = {
    "OutOfMemoryError": OUT_OF_MEMORY,  # torch's for a GPU, and Ray's when its monitor kills a worker
    "MemoryError": OUT_OF_MEMORY,
    "Diverged": DIVERGED,
    "DataError": DATA,
    "ActorDiedError": LOST,
    "ActorUnavailableError": LOST,
    "ActorUnschedulableError": LOST,  # no worker process came up, on a node that cannot start one
    "RayActorError": LOST,
    "WorkerCrashedError": LOST,
    "NodeDiedError": LOST,
    "LocalRayletDiedError": LOST,
    "ObjectLostError": LOST,
    "OwnerDiedError": LOST,
}
_NO_MEMORY: Final = re.compile(
    r"out of memory|can't allocate memory|cannot allocate memory|not enough memory|running low on memory"
    r"|(CUBLAS|CUDNN|HIPBLAS)_STATUS_(ALLOC_FAILED|INTERNAL_ERROR_HOST_ALLOCATION_FAILED)",
    re.IGNORECASE,
)
"""A plain RuntimeError says so when torch's CPU allocator, cuBLAS or cuDNN finds no memory."""

_NAMED: Final = re.compile(r"\b(?:[a-z_]\w*\.)*([A-Z]\w*(?:Error|Diverged)|Diverged)\b(?=:|\n|$|\()")


def classify(exception: BaseException) -> str:
    """The kind of failure: ``out_of_memory``, ``diverged``, ``data``, ``code`` or ``lost`` (worker or node, no fault of the trial)."""
    kinds = [_kind(part) for part in _chain(exception)]
    for kind in (OUT_OF_MEMORY, DIVERGED, DATA, LOST):
        if kind in kinds:
            return kind
    return CODE


def _chain(exception: BaseException) -> Iterator[BaseException]:
    """The exception and what it was raised from; Ray keeps the original in ``cause``."""
    seen: set[int] = set()
    waiting: list[object] = [exception]
    while waiting:
        part = waiting.pop(0)
        if isinstance(part, BaseException) and id(part) not in seen:
            seen.add(id(part))
            yield part
            waiting += [getattr(part, "cause", None), part.__cause__]


def _kind(exception: BaseException) -> str:
    names = [kind.__name__ for kind in type(exception).__mro__]
    known = next((_KINDS[name] for name in names if name in _KINDS), CODE)
    if known == LOST:
        return _of_dead_worker(str(exception))
    if known == CODE and isinstance(exception, (RuntimeError, OSError)) and _NO_MEMORY.search(str(exception)):
        return OUT_OF_MEMORY
    return known


def _of_dead_worker(text: str) -> str:
    """A worker killed for its memory, or one that failed while it started and whose message holds the traceback."""
    if _NO_MEMORY.search(text):
        return OUT_OF_MEMORY
    if "creation task" not in text and "Traceback" not in text:
        return LOST
    named = [_KINDS[name] for name in _NAMED.findall(text) if name in _KINDS and _KINDS[name] != LOST]
    return named[-1] if named else CODE
