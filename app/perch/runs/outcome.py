"""How a run can end: one table of what the record says of it, the exit code, the words for people and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from perch.log.folder import RunFolder

DONE, FAILED, INTERRUPTED = 0, 1, 75
"""Exit codes of a run; 2 is bad input, before anything has started."""


@dataclass(frozen=True, slots=True)
class Ending:
    """One way to end.

    ``state``: what log and summary call it. ``words`` and ``next``: lines for people, with ``{why}``, ``{folder}``, ``{kept}``
    (what the log holds), ``{resume}`` (the command that goes on) and ``{trial}`` (the first that failed) filled in.
    """

    state: str
    code: int
    words: str
    next: tuple[str, ...] = ()


_KEPT: Final = "  kept:    {kept} in {folder}"
_RESUME: Final = "  resume:  {resume}"
_FAILED: Final = "failed: {why}"
_RECORD: Final = "  record:  {folder}"

ENDINGS: Final[dict[str, Ending]] = {
    "done": Ending("done", DONE, ""),
    # --- it can go on -------------------------------------------------------------------------------------------------
    "interrupted": Ending("interrupted", INTERRUPTED, "interrupted ({why}); everything reported is saved in {folder}", (_RESUME,)),
    "ray": Ending("interrupted", INTERRUPTED, "interrupted: Ray's {why} was killed", (_KEPT, _RESUME)),
    "full": Ending("interrupted", INTERRUPTED, "interrupted: {why}", (_KEPT, "  resume:  make room there, then {resume}")),
    "storage": Ending(
        "interrupted", INTERRUPTED, "interrupted: {why}", (_KEPT, "  resume:  when the file system works, {resume}")
    ),
    # --- it has failed ------------------------------------------------------------------------------------------------
    "short": Ending(
        "failed", FAILED, _FAILED, (_RECORD, "  next:    give a larger --time-budget; with it the same command goes on: {resume}")
    ),
    "nothing": Ending("failed", FAILED, _FAILED, (_RECORD, "  next:    correct the trainable, and start another run")),
    "all_failed": Ending("failed", FAILED, _FAILED, (_RECORD, "  next:    perch why {folder} {trial}")),
    "hopeless": Ending("failed", FAILED, _FAILED, (_RECORD, "  next:    perch why {folder} {trial}")),
    "superseded": Ending("superseded", FAILED, _FAILED, (_RECORD,)),
    "failed": Ending("failed", FAILED, _FAILED, (_RECORD, _RESUME)),
}  # fmt: skip
"""By the name that ``Campaign.ending`` and ``close`` use. ``failed``: Ray or Perch itself broke; the error is raised too."""


@dataclass(frozen=True)
class Outcome:
    """How a command ended: its run folder, the row of ``ENDINGS``, the reason, and the signals that it was sent.

    ``kept``: what the log holds, in words. ``trial``: the first that failed.
    """

    folder: RunFolder
    ending: str
    why: str
    signals: int = 0
    kept: str = ""
    trial: str = ""

    @property
    def code(self) -> int:
        """Exit code: 0, 1 or 75."""
        return ENDINGS[self.ending].code
