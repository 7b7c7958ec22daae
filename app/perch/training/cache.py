"""A study's data, prepared once per process and kept from trial to trial."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perch.data.prepare import Prepared, prepare
from perch.study import DataSpec

KEPT = 4
"""Prepared data sets kept: a study that searches over cutoff or neighbours has several."""

_CACHE: OrderedDict[str, Prepared] = OrderedDict()


def prepared_for(
    data: Mapping[str, Any], base: Path, cache: Path | None, config: Mapping[str, Any], files: str = ""
) -> Prepared:
    """The data of a study's ``data`` section, with the configuration's cutoff and neighbours where it has them.

    ``files``: see ``perch.data.prepare.prepare``.
    """
    limits = {name: config.get(name, config.get(f"data.{name}")) for name in ("cutoff_angstrom", "max_neighbors")}
    key = json.dumps([data, str(base), str(cache), limits], sort_keys=True, default=str)
    if key not in _CACHE:
        _CACHE[key] = prepare(DataSpec.model_validate(dict(data)), base=base, cache=cache, files=files, **limits)
    _CACHE.move_to_end(key)
    while len(_CACHE) > KEPT:
        _CACHE.popitem(last=False)
    return _CACHE[key]
