"""What ``SOURCE`` on the command line means: a source's name, a study file, or structures themselves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perch.data.reading.locate import is_address
from perch.data.reading.source import SOURCES
from perch.errors import DataError, did_you_mean

if TYPE_CHECKING:
    from perch.study import DataSpec

_KINDS = {
    ".db": "ase-db",
    ".json": "ase-db",
    ".aselmdb": "ase-db",
    ".extxyz": "extxyz",
    ".xyz": "extxyz",
    ".traj": "extxyz",
}


def data_spec(source: str, settings: Mapping[str, Any], overrides: list[str]) -> tuple[DataSpec, Path]:
    """The data settings that are meant, and the folder that their paths start from.

    Args:
        source: a registered name (``adsorption``), a study file (``.yaml``), a file or folder of structures, or an address.
        settings: data settings given as options; None means not given.
        overrides: ``PATH=VALUE`` as in a study file.
    """
    from perch.study import load, parse

    if source.endswith((".yaml", ".yml")):
        study = load(source, overrides)
        spec, base = study.data.model_dump(exclude_unset=True), Path(study.base)
    else:
        study = load(None, overrides)
        spec, base = study.data.model_dump(exclude_unset=True), Path.cwd()
        spec |= _named(source)
    spec |= {name: value for name, value in settings.items() if value is not None}
    return parse({"data": spec}, "the data settings").data, base


def _named(source: str) -> dict[str, Any]:
    if source in SOURCES.names():
        return {"source": source}
    suffix = Path(source.removesuffix(".gz").split("?")[0]).suffix
    if is_address(source) and suffix in _KINDS:
        return {"source": _KINDS[suffix], "path": source}
    path = Path(source)
    if path.is_dir():
        return {"source": "cif", "path": str(path.absolute())}
    if path.is_file() and suffix in _KINDS:
        return {"source": _KINDS[suffix], "path": str(path.absolute())}
    if path.is_file():
        raise DataError(
            f"cannot tell what '{source}' holds",
            why=f"known endings are {', '.join(_KINDS)}",
            fix="rename it, or write a study file",
        )
    raise DataError(
        f"'{source}' is neither a data source nor a file",
        why=did_you_mean(source, SOURCES.names()),
        fix="name a source, a study file (.yaml), a file or a folder of structures",
    )
