"""A cluster in memory, and the objects that tests put into it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.unit.clusters.kubernetes.fake import FakeCluster


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(namespaces=("default", "science")) as fake:
        yield fake


def rayjob(name: str = "oh", **status: Any) -> dict[str, Any]:
    """Return a RayJob with this status."""
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayJob",
        "metadata": {"name": name},
        "spec": {},
        "status": status,
    }
