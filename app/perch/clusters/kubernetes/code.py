"""Python modules of the user's own, sent along with a study as a ConfigMap."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from perch.clusters.kubernetes.errors import NothingStarted

MOUNT: Final = "/opt/trainable"
"""Where the modules lie in head and workers; the folder is on PYTHONPATH."""

LARGEST_BYTES: Final = 900_000
"""A ConfigMap holds at most 1 MiB, its own words included."""


def modules(folder: Path) -> dict[str, str]:
    """The ``*.py`` files of a folder by name. Raises NothingStarted (exit 2) where they cannot travel."""
    if not folder.is_dir():
        what = "it is a file" if folder.exists() else "there is no such folder"
        raise NothingStarted(f"--code {folder}", why=what, fix="name the folder that your module lies in")
    files = {path.name: path for path in sorted(folder.glob("*.py"))}
    packages = sorted(path.parent.name for path in folder.glob("*/__init__.py"))
    if not files or packages:
        raise NothingStarted(
            f"--code {folder} cannot be sent",
            why=f"it holds the packages {', '.join(packages)}" if packages else "it holds no *.py file",
            fix="put the modules into one folder without packages, or build them into the image, or put them on a claim "
            "(trainable.existingClaim in the chart)",
        )
    try:
        texts = {name: path.read_text() for name, path in files.items()}
    except (OSError, UnicodeDecodeError) as error:
        raise NothingStarted(
            f"--code {folder} cannot be read", why=str(error), fix="correct or remove that file"
        ) from error
    size = sum(len(text.encode()) for text in texts.values())
    if size > LARGEST_BYTES:
        raise NothingStarted(
            f"--code {folder} is too large to be sent",
            why=f"its modules have {size:,} bytes, and a ConfigMap takes {LARGEST_BYTES:,}",
            fix="build them into the image, or put them on a claim (trainable.existingClaim in the chart)",
        )
    return texts


def config_map(run_id: str, namespace: str, texts: dict[str, str]) -> dict[str, Any]:
    """The ConfigMap of a run's modules."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"{run_id}-code",
            "namespace": namespace,
            "labels": {"app.kubernetes.io/name": "perch", "app.kubernetes.io/instance": run_id},
        },
        "data": texts,
    }


def show(pod: dict[str, Any], run_id: str) -> None:
    """Mount the modules in a pod's first container, Ray's, and put them on its path."""
    ray = pod["containers"][0]
    pod.setdefault("volumes", []).append({"name": "code", "configMap": {"name": f"{run_id}-code"}})
    ray.setdefault("volumeMounts", []).append({"name": "code", "mountPath": MOUNT, "readOnly": True})
    environment = [each for each in ray.get("env", []) if each["name"] != "PYTHONPATH"]
    before = [each["value"] for each in ray.get("env", []) if each["name"] == "PYTHONPATH"]
    ray["env"] = [*environment, {"name": "PYTHONPATH", "value": ":".join([MOUNT, *before])}]
