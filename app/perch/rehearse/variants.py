"""What is rehearsed: strategies by name with their settings, and sweeps over settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from perch import yaml12
from perch.errors import StrategyError, StudyError
from perch.rehearse.tables.table import Table
from perch.strategies.registry import STRATEGIES, Entry, read_settings


@dataclass(frozen=True)
class Variant:
    """A strategy with settings; ``label`` is how it is written: ``asha``, ``asha+grace_period=3``."""

    label: str
    spec: dict[str, Any]

    @property
    def entry(self) -> Entry:
        """The strategy's entry."""
        return STRATEGIES.get(self.spec["name"])


def variants(strategies: Sequence[str], sweep: Sequence[str] = ()) -> list[Variant]:
    """Every strategy with every combination of the swept settings that it has. Raises StrategyError or StudyError."""
    names = list(dict.fromkeys(s.strip() for s in strategies if s.strip()))
    if not names:
        raise StudyError("no strategy is given", why="there is nothing to rehearse", fix="--strategies rs,ahb,asha")
    swept = [_swept(text) for text in sweep]
    base = [_parse(name) for name in names]
    for key, _ in swept:
        if not any(key in v.entry.settings.model_fields for v in base):
            raise StrategyError(
                f"--sweep {key}: no strategy here has it", why=f"strategies: {', '.join(names)}",
                fix="'perch strategies NAME' lists the settings of one",
            )  # fmt: skip
    out = {v.label: v for b in base for v in _combined(b, swept)}
    return list(out.values())


def read_variant(spec: dict[str, Any]) -> Variant:
    """A variant from a strategy as a study file has it. Raises StrategyError."""
    read_settings(spec)
    return Variant("+".join([spec["name"], *(f"{k}={v}" for k, v in spec.items() if k != "name")]), spec)


def _parse(text: str) -> Variant:
    name, *settings = text.split("+")
    spec: dict[str, Any] = {"name": name}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise StudyError(f"'{text}': cannot read '{setting}'", why="a setting is written grace_period=3",
                             fix="write asha+grace_period=3, say")  # fmt: skip
        spec[key] = yaml12.load(value)
    read_settings(spec)
    return Variant(text, spec)


def _swept(text: str) -> tuple[str, list[Any]]:
    key, equals, values = text.partition("=")
    found = [yaml12.load(v) for v in values.split(",") if v.strip()]
    if not equals or not found:
        raise StudyError(f"--sweep {text}: no values", why="a sweep is written grace_period=1,3,9",
                         fix="name a setting and its values")  # fmt: skip
    return key.strip(), found


def _combined(base: Variant, swept: Sequence[tuple[str, list[Any]]]) -> list[Variant]:
    """Combinations of those settings that the strategy has; the default's value is written too."""
    mine = [(key, values) for key, values in swept if key in base.entry.settings.model_fields and key not in base.spec]
    out = []
    for values in product(*(v for _, v in mine)):
        chosen = {key: value for (key, _), value in zip(mine, values, strict=True)}
        spec = {**base.spec, **chosen}
        read_settings(spec)
        out.append(Variant("+".join([base.label, *(f"{k}={v}" for k, v in chosen.items())]), spec))
    return out


def as_recorded(variant: Variant, table: Table) -> Variant:
    """The variant for a count of trials and epochs: where the table holds no training losses, rungs compare the metric."""
    if variant.spec.get("judge") != "training_loss" or table.training is not None:
        return variant
    return Variant(variant.label, {k: v for k, v in variant.spec.items() if k != "judge"})


def refuse_losses(variant: Variant, table: Table) -> None:
    """Raise StrategyError for a strategy that compares training losses, on a table that holds none."""
    if variant.spec.get("judge") == "training_loss" and table.training is None:
        raise StrategyError(
            f"{variant.label} cannot be rehearsed on '{table.name}'", why="it holds no training losses",
            fix="use judge: last, best or mean_of_last_3, or a run of Perch as the record",
        )  # fmt: skip


def refuse(entry: Entry, *, surrogate: bool) -> None:
    """Raise StrategyError for a strategy that recorded curves cannot answer."""
    if entry.algorithm_keys_only:
        raise StrategyError(
            f"{entry.name} cannot be rehearsed", why="its trials change their configuration midway, and no recorded "
            "curve shows what weights trained under one configuration do under another",
            fix="run it: perch compare STUDY --strategies pbt,asha",
        )  # fmt: skip
    if entry.searcher == "dragonfly":
        raise StrategyError(
            f"{entry.name} cannot be rehearsed", why="Dragonfly takes about a second of real time for a suggestion, a "
            "rehearsal makes hundreds of thousands",
            fix="rehearse asha-tpe with --surrogate in its place, or run it: perch compare",
        )  # fmt: skip
    if entry.searcher not in ("random", "design") and not surrogate:
        raise StrategyError(
            f"{entry.name} cannot be rehearsed on a table",
            why=f"its searcher ({entry.searcher}) proposes configurations that were never recorded",
            fix="add --surrogate: unseen configurations then do as their nearest recorded neighbours did",
        )  # fmt: skip
