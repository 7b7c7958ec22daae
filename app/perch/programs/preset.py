"""What is known of a training program: one object, in one file of ``presets``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from perch.command import Command
from perch.programs.config.template import Template

Problem = tuple[str, str, str]
"""What, why, fix."""


@dataclass(frozen=True)
class Searched:
    """A key worth searching: its range, where range and prior come from, and whether it decides what fits the memory."""

    key: str
    spec: Mapping[str, Any]
    source: str
    memory: bool = False
    prior: Mapping[str, Any] | None = None
    """What the source recommends, with a width that leaves it open; None where it recommends nothing."""


def _no_problems(_: Template) -> Iterator[Problem]:
    return iter(())


def _all_keys(_: Template, key: str) -> bool:
    return True


@dataclass(frozen=True)
class Preset:
    """A program. ``defaults`` is what a study need not say; ``version`` is what this was tried with.

    ``space`` offers keys with ranges, of which ``offers`` may keep some out for a template; ``metric`` is what is tuned for
    by default, one of the keys of ``defaults``, with its unit in its name. ``traps`` are facts that a user should know.
    ``problems`` finds in a template what would spoil a study. ``distribution`` is the installed package's name.
    """

    name: str
    title: str
    version: str
    defaults: Command
    space: tuple[Searched, ...]
    metric: str | None
    traps: tuple[str, ...] = ()
    distribution: str = ""
    epochs_key: str | None = None
    """Where the template says how long it trains."""
    problems: Callable[[Template], Iterator[Problem]] = field(default=_no_problems)
    offers: Callable[[Template, str], bool] = field(default=_all_keys)
