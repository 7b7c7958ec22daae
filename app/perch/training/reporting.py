"""Names that a trainable of the user's cannot report under: Ray or the tables write them themselves, and the number would be lost."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

TAKEN: Final = "_perch_taken"
"""In a result: the names that it reported and that are taken."""

OF_RAY: Final = frozenset({
    "config", "trial_id", "date", "timestamp", "time_this_iter_s", "time_total_s", "pid", "hostname", "node_ip",
    "time_since_restore", "iterations_since_restore",
})  # fmt: skip
"""What Ray writes into every result, over what stands there."""
OF_TABLES: Final = frozenset(
    {"segment", "time_s", "value", "attempt", "phase", "parent_trial_id", "parent_segment", "parent_epoch"}
)
"""Columns of ``curves.parquet`` that are no metrics."""


def taken(result: Mapping[str, Any], epoch: int | None = None) -> list[str]:
    """The taken names in what a trainable reported. ``epoch`` itself is one where it is not the count that Perch keeps."""
    names = {name for name in result if name in OF_RAY | OF_TABLES or str(name).startswith("config/")}
    if epoch is not None and "epoch" in result and result["epoch"] != epoch:
        names.add("epoch")
    return sorted(names)


def checked(found: Any) -> Any:
    """The trainable, a class or a function, with the taken names that it reports noted under ``TAKEN``."""
    return _class(found) if isinstance(found, type) else _function(found)


def _noted(result: Any, epoch: int | None = None) -> Any:
    if isinstance(result, Mapping) and (names := taken(result, epoch)):
        return {**result, TAKEN: names}
    return result


def _class(found: type) -> type:
    class Checked(found):  # type: ignore[misc]
        def step(self) -> Any:
            return _noted(super().step(), self.training_iteration + 1)

    Checked.__name__ = Checked.__qualname__ = found.__name__
    return Checked


def _function(found: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    """The function, with its session's ``report`` looking at what passes: Ray fills in its own names there."""

    def look() -> None:
        from ray.train._internal.session import get_session

        session = get_session()
        report = session.report
        session.report = lambda metrics, *more, **named: report(_noted(metrics), *more, **named)

    def function(config: dict[str, Any]) -> Any:
        look()
        return found(config)

    def generator(config: dict[str, Any]) -> Any:
        look()
        yield from found(config)

    made = generator if inspect.isgeneratorfunction(found) else function
    made.__name__ = made.__qualname__ = getattr(found, "__name__", "function")
    return made
