"""What tuning starts from, and is measured against: the study's first point, else the space's default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perch.space import Space
from perch.study import Study


def starting_point(study: Study) -> dict[str, Any] | None:
    """The configuration that every run is compared with; None where a condition excludes the space's default.

    The default of a model of Perch is the model's own (``START`` of ``perch.training.keys``), moved into the space; of anything else,
    the middle of every range (the logarithmic one where the range is so) and the first of every choice.
    """
    space = study.search_space
    if isinstance(study.points, list) and study.points:
        return space.complete(study.points[0])
    known: Mapping[str, Any] = {}
    if study.trainable_is_ours:
        from perch.training.keys import START

        known = START
    found = {**_middle(space), **{k: v for k, v in known.items() if _holds(space, k, v)}}
    return space.complete(found) if space.allows({**space.fixed, **found}) else None


def _middle(space: Space) -> dict[str, Any]:
    return {
        key: dimension.edge_values()[0] if hasattr(dimension, "values") else dimension.from_unit(0.5)
        for key, dimension in space.dimensions.items()
    }


def _holds(space: Space, key: str, value: Any) -> bool:
    return key in space.dimensions and space.dimensions[key].contains(value)
