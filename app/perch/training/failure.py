"""What kind of failure ended a stretch of a trial, and whose it is: the exception held against ``signatures``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from perch.errors import PerchError
from perch.training.signatures import SIGNATURES, TRIAL, Signature, Whose
from perch.vocabulary import CODE

LIBRARIES: Final = frozenset(
    {"RuntimeError", "OSError", "RayError", "SystemError", "CalledProcessError", "SubprocessError"}
)
"""Exceptions in whose messages words are looked for: those that libraries raise for what the system does to them."""

GUESSES: Final = re.compile(r"(Some common causes|There are some potential root causes).*", re.DOTALL)
"""Ray's guesses at why a worker has died, which name an OOM killer and a SIGSEGV whatever happened."""

_LAST_LINE: Final = re.compile(r"^((?:[A-Za-z_]\w*\.)*[A-Z]\w*)(?:: (.*))?$")
_NUMBER: Final = re.compile(r"\[Errno (\d+)\]")
_ADDRESS: Final = re.compile(r"\bip(?:=|: )\[?([0-9a-fA-F.:]+)\]?")


@dataclass(frozen=True, slots=True)
class Fault:
    """The failure's class, as tables name it, and whose it is: ``trial``, ``machine`` or ``unknown``.

    ``alone``: it is the trial's own only if it comes back with a GPU to itself.
    """

    failure: str
    whose: Whose
    alone: bool = False


@dataclass(frozen=True, slots=True)
class _Part:
    """What is known of one exception of a chain."""

    names: frozenset[str]
    number: int | None
    text: str


def classify(exception: BaseException, *, shared_device: bool = False) -> Fault:
    """Hold an exception, and what it was raised from, against the table of signatures.

    ``shared_device``: the trial has less than a whole GPU to itself, so that another may have taken its memory.
    """
    parts = [part for one in _chain(exception) for part in _parts(one)]
    for signature in SIGNATURES:
        if any(_fits(signature, part) for part in parts):
            if shared_device and signature.shared is not None:
                return Fault(signature.failure, signature.shared, alone=True)
            return Fault(signature.failure, signature.whose)
    return Fault(CODE, TRIAL)


def node_of(exception: BaseException) -> str | None:
    """The address of the node on which it happened, where Ray's message names it."""
    for part in _chain(exception):
        ip = vars(part).get("ip")
        if isinstance(ip, str) and ip:
            return ip
        if (found := _ADDRESS.search(str(part))) is not None:
            return found[1]
    return None


def message_of(exception: BaseException) -> str:
    """What people are shown of a failure: the three sentences of an error raised on purpose, else its text with its traceback.

    An error that comes out of a task is of two classes at once; its own text is in the cause, that of the task is a traceback.
    """
    for part in (exception, getattr(exception, "cause", None)):
        if isinstance(part, PerchError) and all(kind.__name__ != "RayTaskError" for kind in type(part).__mro__):
            return str(part)
    return str(exception)


def _chain(exception: BaseException) -> Iterator[BaseException]:
    """The exception and what it was raised from; Ray keeps the original in ``cause``."""
    seen: set[int] = set()
    waiting: list[object] = [exception]
    while waiting:
        part = waiting.pop(0)
        if isinstance(part, BaseException) and id(part) not in seen:
            seen.add(id(part))
            yield part
            waiting += [getattr(part, "cause", None), part.__cause__, *getattr(part, "exceptions", ())]


def _parts(exception: BaseException) -> Iterator[_Part]:
    """What an exception says itself, and the one that its message quotes as the end of a traceback in another process."""
    kinds = type(exception).__mro__
    names = {kind.__name__ for kind in kinds} | {f"{kind.__module__}.{kind.__qualname__}" for kind in kinds}
    text = GUESSES.sub("", str(exception))
    quoted = _quoted(text) if "RayError" in names else None
    if quoted is not None:
        yield quoted
    elif "RayTaskError" not in names:  # else its message is the traceback of its cause
        number = exception.errno if isinstance(exception, OSError) else None
        yield _Part(frozenset(names), number, text if LIBRARIES & names else "")


def _quoted(text: str) -> _Part | None:
    """The exception that ended a worker's start, or a task whose exception could not travel, from the traceback in a message."""
    if "Traceback" not in text and "creation task" not in text and "\n  File " not in text:
        return None
    named = [found for line in text.splitlines() if (found := _LAST_LINE.match(line.rstrip())) is not None]
    if not named:
        return _Part(frozenset(), None, "")
    name, message = named[-1][1], named[-1][2] or ""
    number = _NUMBER.search(message)
    names = frozenset({name, name.rpartition(".")[2]})
    return _Part(names, int(number[1]) if number else None, message if _may_be_a_librarys(names) else "")


def _may_be_a_librarys(names: frozenset[str]) -> bool:
    """Of a quoted exception the bases are not known: torch's, Ray's and the system's own are let in by name."""
    known = LIBRARIES | {"AcceleratorError", "OutOfMemoryError", "DistBackendError", "DistNetworkError", "IOError"}
    return bool(names & known)


def _fits(signature: Signature, part: _Part) -> bool:
    if signature.names & part.names or part.number in signature.numbers:
        return True
    return signature.words is not None and bool(signature.words.search(part.text))
