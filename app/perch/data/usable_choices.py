"""Choices that this data set cannot serve are dropped from the space, with a warning; with none left it is an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from perch.dimension import Choice
from perch.errors import StudyError
from perch.study import Study

if TYPE_CHECKING:
    from perch.data.prepare import Prepared


def drop_unusable_choices(study: Study, prepared: Prepared) -> tuple[Study, list[str]]:
    """The study without choices that no trial could use, and what was dropped, in words.

    ``batch_size`` above the training set, and ``pooling`` over atoms that the data do not name.
    """
    rows = min(len(split.train) for split in prepared.splits)
    flags = {"adsorbate": prepared.graphs.adsorbate, "surface": prepared.graphs.surface}
    named = {name for name, atoms in flags.items() if atoms.any()}
    rules: dict[str, tuple[Callable[[Any], bool], str, str]] = {
        "batch_size": (
            lambda size: not isinstance(size, (int, float)) or size <= rows,
            f"the training set has {rows} structures",
            "add a smaller batch_size",
        ),
        "pooling": (
            lambda how: how == "mean" or how not in flags or how in named,
            "the data do not say which atoms are meant, and it is never guessed",
            "set data.adsorbate (tags of ASE or OCP name adsorbate and surface), or pool over all: mean",
        ),
    }
    spec: dict[str, Any] = study.search_space.spec()
    warnings: list[str] = []
    for key, (usable, why, fix) in rules.items():
        warnings.extend(_apply(spec, study, key, usable, why, fix))
    return study.model_copy(update={"space": spec}), warnings


def _apply(
    spec: dict[str, Any], study: Study, key: str, usable: Callable[[Any], bool], why: str, fix: str
) -> Iterator[str]:
    dimension = study.search_space.dimensions.get(key)
    fixed = study.search_space.fixed.get(key)
    values = dimension.values if isinstance(dimension, Choice) else (fixed,) if fixed is not None else ()
    dropped = [v for v in values if not usable(v)]
    if not dropped:
        return
    kept = [v for v in values if usable(v)]
    if not kept:
        shown = ", ".join(map(str, values))
        raise StudyError(f"no choice of {key} can be used: {shown}", why=why, fix=fix)
    prior = study.search_space.priors.get(key)
    spec[key] = {"choice": kept, **({"prior": prior.spec()} if prior is not None and prior.centre in kept else {})}
    yield f"{key}: {', '.join(map(str, dropped))} dropped from the choices: {why}"
