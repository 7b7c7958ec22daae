"""A name for every thing that varies: strategies, data sources, trainables, figures."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Generic, TypeVar

from perch.errors import PerchError, did_you_mean

T = TypeVar("T")


class Registry(Generic[T]):
    """Names of one kind of thing. Every module of ``package`` is imported at the first look.

    Adding a thing is adding one file to that package that calls ``register``.
    """

    def __init__(self, kind: str, package: str, error: type[PerchError]) -> None:
        self._kind, self._package, self._error = kind, package, error
        self._entries: dict[str, T] = {}
        self._loaded = False

    def register(self, name: str, entry: T) -> T:
        """Add an entry; a name can be taken only once."""
        if name in self._entries:
            raise ValueError(f"{self._kind} '{name}' is registered twice")
        self._entries[name] = entry
        return entry

    def get(self, name: str) -> T:
        """Return the entry of that name, or raise an error that lists the known ones."""
        self._load()
        if name not in self._entries:
            raise self._error(
                f"no {self._kind} is called '{name}'",
                why=did_you_mean(name, self._entries),
                fix=f"pick one of them, or add a file to {self._package.replace('.', '/')}/",
            )
        return self._entries[name]

    def names(self) -> list[str]:
        """All names, sorted."""
        self._load()
        return sorted(self._entries)

    def items(self) -> Iterator[tuple[str, T]]:
        """All names with their entries, sorted by name."""
        self._load()
        return iter(sorted(self._entries.items()))

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        package = importlib.import_module(self._package)
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{self._package}.{module.name}")
