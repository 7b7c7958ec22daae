"""A strategy's page, and the list of all, as plain text for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from pydantic.fields import FieldInfo

from perch.strategies.registry import STRATEGIES, Entry

INDENT = 12


def page(name: str, width: int = 100) -> str:
    """Paper, scheduler, searcher, needs, settings with defaults, when to use it, how it differs. Unknown: StrategyError."""
    entry = STRATEGIES.get(name)
    lines = [textwrap.fill(f"{entry.name}: {entry.summary}", width), ""]
    for label, text in (
        ("scheduler", entry.scheduler),
        ("searcher", entry.searcher),
        ("paper", entry.paper),
        ("needs", needs(entry)),
        ("use it when", entry.when),
        ("differs", entry.differs),
    ):
        lines += _paragraph(label, text, width)
    lines += ["", *_settings(entry, width)]
    if entry.page:
        lines += ["", *(textwrap.fill(p, width) for p in entry.page.split("\n"))]
    return "\n".join(lines)


def needs(entry: Entry) -> str:
    """What a study must offer for this strategy."""
    parts = []
    if entry.needs_checkpoints:
        parts.append("checkpoints: a trainable that saves and loads")
    if entry.algorithm_keys_only:
        parts.append("a space of algorithm hyperparameters only; architecture fixed")
    return "; ".join(parts) or "nothing beyond a result per epoch"


def rows() -> list[tuple[str, str, str, str]]:
    """Name, scheduler, searcher and when to use it, of every strategy."""
    return [(e.name, e.scheduler, e.searcher, e.when) for _, e in STRATEGIES.items()]


def _paragraph(label: str, text: str, width: int) -> list[str]:
    filled = textwrap.wrap(text, max(width - INDENT, 30), break_long_words=False, break_on_hyphens=False)
    head, *rest = filled or [""]
    return [f"{label:<{INDENT}}{head}", *(" " * INDENT + line for line in rest)]


def _settings(entry: Entry, width: int) -> Iterator[str]:
    fields = entry.settings.model_fields
    if not fields:
        yield f"settings    none; write 'strategy: {entry.name}'"
        return
    values = ", ".join(f"{key}: {_plain(field.default)}" for key, field in fields.items() if field.default is not None)
    yield from _paragraph("settings", f"strategy: {{name: {entry.name}, {values}}}", width)
    for key, field in fields.items():
        default = "not given" if field.default is None else _plain(field.default)
        yield from _paragraph("", f"{key} ({default}{_bounds(field)}): {field.description}", width)


def _plain(value: object) -> str:
    """A default as a study file has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"[{', '.join(map(str, value))}]" if isinstance(value, tuple) else str(value)


def _bounds(field: FieldInfo) -> str:
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    parts = [f"{word} {getattr(m, sign)}" for m in field.metadata for sign, word in words.items() if hasattr(m, sign)]
    return "".join(f", {part}" for part in parts)
