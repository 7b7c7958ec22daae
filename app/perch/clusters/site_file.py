"""Reads a site's ``cluster.yaml`` as a mapping, for Slurm and for Kubernetes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from perch import yaml12
from perch.errors import ClusterError


def read_settings(path: Path, version: int, example: str, refuse: Callable[..., ClusterError]) -> dict[str, Any]:
    """The settings in a file.

    ``version``: the newest format that can be read. ``example``: a setting, for the error's words. ``refuse`` makes the
    error (what, why, fix) that is raised where the file cannot be read, holds no settings, or is of a newer version.
    """
    try:
        content = yaml12.load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise refuse(
            f"cannot read the site file '{path}'", why=str(error), fix="give a YAML file, or leave --site out"
        ) from error
    if not isinstance(content, dict):
        raise refuse(
            f"'{path}' is no site file", why="its top level is not a list of settings", fix=f"write '{example}'"
        )
    found = content.get("version", version)
    if isinstance(found, int) and found > version:
        raise refuse(
            f"'{path}' is a site file of version {found}",
            why=f"this Perch reads versions up to {version}: a newer one wrote it",
            fix="use the Perch that your site file was written for, or write a file without 'version' for this one",
        )
    return content
