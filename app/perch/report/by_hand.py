"""What somebody asked for by hand while the run went on, in words: a reader must know what its strategy did not decide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perch.formatting import duration


def by_hand(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """When, in consumed time, and what; in order. Empty where nobody asked for anything."""
    return [(duration(one["time_s"]), _words(one)) for one in summary.get("asked_by_hand") or ()]


def in_short(summary: Mapping[str, Any]) -> str:
    """A sentence for the head of the page; empty where nobody asked for anything."""
    asked = summary.get("asked_by_hand") or ()
    if not asked:
        return ""
    times = "Once" if len(asked) == 1 else f"{len(asked)} times"
    return f"{times} somebody changed the course of this run by hand (perch ctl); the list stands below."


def _words(one: Mapping[str, Any]) -> str:
    trial, epoch = one.get("trial_id"), one.get("epoch")
    match one["do"]:
        case "stop":
            return f"trial {trial} was stopped after epoch {epoch}"
        case "keep":
            return f"trial {trial} was kept from epoch {epoch} on: its strategy could not stop it any more"
        case "add":
            return f"trial {trial} was added, beyond the budget of trials"
        case "end":
            return "the search was ended"
    parts = [] if one.get("trials") is None else [f"{one['trials']} trials"]
    parts += [] if one.get("time_budget_s") is None else [duration(one["time_budget_s"])]
    return f"the budget became {' and '.join(parts)}"
