"""Where structures come from: the protocol, what a source delivers, and the registry of sources."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from perch.errors import DataError
from perch.registry import Registry

if TYPE_CHECKING:
    from ase import Atoms

    from perch.study import AdsorbateSpec, DataSpec

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, and how many there are (0: unknown)."""


@dataclass(frozen=True)
class Defaults:
    """What a source knows of its own data, where the study file says nothing."""

    target: str | None = None
    adsorbate: AdsorbateSpec | None = None
    group: str | None = None


@dataclass(frozen=True)
class Entry:
    """One structure as read: its tables of keys in the order in which a key is looked up."""

    atoms: Atoms
    id: str
    tables: tuple[tuple[str, Mapping[str, Any]], ...]
    """Pairs of a place (``key_value_pairs``, ``data``, ``info``, ``calculator``) and its keys."""

    def get(self, key: str) -> Any:
        """The value of ``key`` from the first place that has it; None when none has."""
        for _place, table in self.tables:
            if key in table:
                return table[key]
        return None

    def __contains__(self, key: object) -> bool:
        return any(key in table for _place, table in self.tables)


@dataclass(frozen=True)
class Structures:
    """G structures with their targets in eV, ready to become graphs.

    ``target_ev`` (G,) float64; ``ids``, ``groups`` (what may not lie on both sides of a split) and ``adsorbates``
    (names, ``""`` where unknown) have G entries each; ``is_adsorbate`` and ``is_surface`` hold one boolean array per
    structure, all False where the data do not say. ``geometry`` is ``relaxed`` or ``initial``. ``extra`` maps keys
    of the data to G values each.
    """

    atoms: list[Atoms]
    target_ev: npt.NDArray[np.float64]
    ids: tuple[str, ...]
    groups: tuple[str, ...]
    adsorbates: tuple[str, ...]
    is_adsorbate: tuple[npt.NDArray[np.bool_], ...]
    is_surface: tuple[npt.NDArray[np.bool_], ...]
    geometry: str
    extra: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.atoms)


class Source(Protocol):
    """Reads one kind of data. Adding a source is adding a file to ``perch/data/sources/``."""

    summary: str
    """One line for people: what it reads."""
    needs_path: bool
    """Whether the study must give ``data.path``."""
    defaults: Defaults

    def check(self, spec: DataSpec, path: Path | None) -> None:
        """Look, without reading structures, whether this can work; raise DataError where it cannot."""
        ...

    def files(self, spec: DataSpec, path: Path | None) -> Iterable[Path]:
        """The files whose content decides what ``read`` delivers (for the cache)."""
        ...

    def read(self, spec: DataSpec, path: Path | None, progress: Progress | None) -> list[Entry]:
        """Read every structure that ``spec`` selects."""
        ...


SOURCES: Final[Registry[Source]] = Registry("data source", "perch.data.sources", DataError)
