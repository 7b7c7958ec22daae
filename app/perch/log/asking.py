"""Asking a run that goes on for something, and waiting for its answer."""

from __future__ import annotations

import os
import platform
import shlex
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from perch.errors import RequestError
from perch.formatting import short_path
from perch.log.earlier import Earlier, earlier
from perch.log.folder import RunFolder, check_is_run
from perch.log.requests import Answer, Requests

LOOK_EVERY_S: Final = 0.1
WAIT_S: Final = 60.0
"""So long an answer is waited for. A run that goes on answers within two seconds; a network file system may take a minute to show it."""

DOINGS: Final[Mapping[str, str]] = {
    "stop": "trial", "keep": "trial", "add": "config", "budget": "trials, time", "end": "", "leave": "",
}  # fmt: skip
"""What can be asked for, and what a request must say besides."""

ONLY_ALIVE: Final = frozenset({"leave"})
"""What means nothing to a run that is resumed later."""


def ask(
    run: Path,
    do: str,
    words: Mapping[str, Any],
    *,
    wait_s: float = WAIT_S,
    later: bool = False,
    waiting: Callable[[str], None] | None = None,
) -> Answer:
    """Ask the run in a folder, and return its answer.

    ``later``: where nobody drives the run, leave the request for whoever resumes it. ``waiting`` is called once, with words, when
    the answer takes longer than a second. Raises RecordError where there is no run, and RequestError where nobody drives it or
    nobody answers; then nothing is left behind.
    """
    folder = RunFolder(run.absolute())
    check_is_run(folder, str(run))
    found = earlier(folder.events)
    reason = idle(found)
    if reason is not None and later and do not in ONLY_ALIVE and found.closed != "done":
        Requests(folder.path).put(do, {**words, "later": True})
        return Answer(True, f"asked: it is done when the run is resumed: {resume(folder)}")
    if reason is not None:
        raise _nobody(folder, do, reason, found)
    requests = Requests(folder.path)
    name = requests.put(do, words)
    began_s, said = time.monotonic(), False
    while (answer := requests.answer_to(name)) is None:
        waited_s = time.monotonic() - began_s
        if waited_s > 1.0 and not said and waiting is not None:
            said = True
            waiting(f"waiting for the run, process {found.last.get('pid')} on {found.last.get('host')}")
        gone = idle(earlier(folder.events)) if waited_s > 1.0 else None
        if (gone is not None or waited_s > wait_s) and requests.withdraw(name):
            if gone is not None:
                raise _nobody(folder, do, gone, found)
            raise RequestError(
                f"the run '{folder.id}' does not answer",
                why=f"process {found.last.get('pid')} on {found.last.get('host')} has not looked for {wait_s:.0f} s: it may be starting, or gone",
                fix=f"try again with a longer --wait; if it is gone, resume it: {resume(folder)}",
            )
        if gone is not None:  # it has taken the request, and ended: the log says whether it was done
            raise RequestError(
                f"the run '{folder.id}' ended before it answered",
                why=gone,
                fix=f"see what it did: perch report {shlex.quote(short_path(folder.path))}",
            )
        time.sleep(LOOK_EVERY_S)
    return answer


def idle(found: Earlier) -> str | None:
    """Why nobody drives a run, as far as that can be known from here; None: somebody may."""
    if not found.last:
        return "it has not begun"
    if found.closed is not None:
        return "it is done" if found.closed == "done" else f"its last attempt has ended: {found.closed}"
    pid = found.last.get("pid")
    if found.last.get("host") == platform.node() and pid is not None and not _lives(int(pid)):
        return f"its process {pid} is gone: it was killed"
    return None


def resume(folder: RunFolder) -> str:
    """The command that goes on with a run on this machine."""
    return shlex.join(
        ["perch", "run", short_path(folder.study), "--out", short_path(folder.path.parent), "--run-id", folder.id]
    )


def _nobody(folder: RunFolder, do: str, why: str, found: Earlier) -> RequestError:
    if found.closed == "done":
        fix = f"a larger budget goes on with it: {resume(folder)} --trials N"
    elif do in ONLY_ALIVE:
        fix = f"nothing is left to do; {resume(folder)} goes on with it"
    else:
        fix = f"add --later, and it is done when the run is resumed; or resume it and ask then: {resume(folder)}"
    return RequestError(f"nobody drives the run '{folder.id}' now", why=why, fix=fix)


def _lives(pid: int) -> bool:
    """True where a process of that number is there, whoever's it is, zombies apart."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return True
