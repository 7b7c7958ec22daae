"""Names for cached things, made of everything that decides what is in them: content, settings and our own version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from perch.atomic import replacing
from perch.home import expanded

if TYPE_CHECKING:
    from perch.study import DataSpec

FORMAT: Final = 3
"""To be raised when graphs, groups, splits or baselines come out differently from the same input."""


def graphs_key(spec: DataSpec, digests: Iterable[str]) -> str:
    """The name of a set of graphs: where the files lie and what they are called does not matter, their ``digests`` do."""
    settings = spec.model_dump(
        mode="json", include={"source", "select", "target", "geometry", "adsorbate", "cutoff_angstrom", "max_neighbors"}
    )
    return _name({"format": FORMAT, **settings, "group": spec.split.group, "files": list(digests)})


def splits_key(spec: DataSpec, base: Path, graphs: str) -> str:
    """The name of graphs together with their split: the fingerprint of prepared data."""
    named = [*sorted((spec.split.files or {}).items()), *sorted(spec.split.tests.items())]
    ids = {key: digest(base / expanded(file)) for key, file in named}
    shares = spec.split.model_dump(mode="json", exclude={"files", "tests"})
    given = spec.split.files is not None
    own = {} if spec.atom_features is None else {"atom_features": digest(base / expanded(spec.atom_features))}
    tests = sorted(spec.split.tests)
    return _name({"graphs": graphs, "split": shares, "ids": ids, "files": given, "tests": tests, **own})


def keep_digests(cache: Path, digests: Sequence[str]) -> str:
    """Write digests where ``known_digests`` finds them by the name that is returned; empty where the cache takes nothing."""
    name = _name({"digests": list(digests)})
    path = cache / "digests" / f"{name}.json"
    try:
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as draft:
                draft.write_text(json.dumps(list(digests)), encoding="utf-8")
    except OSError:
        return ""
    return name


def known_digests(cache: Path, name: str) -> list[str] | None:
    """The digests that ``keep_digests`` gave that name; None where they are not there, or not whole."""
    try:
        digests: list[str] = json.loads((cache / "digests" / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return digests if _name({"digests": digests}) == name else None


def digest(file: Path) -> str:
    """SHA-256 of a file's bytes (empty for one that is not there: whoever reads it says so better)."""
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return ""


def _name(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]
