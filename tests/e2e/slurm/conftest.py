"""One cluster per session, a clean queue after each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.slurm.cluster import Cluster, find, missing

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def session_cluster() -> Cluster:
    """The cluster; skips with the reason where there is none."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    cluster = find("perch-e2e")
    shutil.copy(HERE / "driver.py", cluster.here / "driver.py")
    return cluster


@pytest.fixture
def cluster(session_cluster: Cluster) -> Iterator[Cluster]:
    """The cluster with no job of an earlier test."""
    session_cluster.jobs.clear()
    yield session_cluster
    session_cluster.cancel_all()


@pytest.fixture
def lab(cluster: Cluster) -> Cluster:
    """The laboratory: its nodes may be killed."""
    if not cluster.is_lab:
        pytest.skip("kills nodes, adds users: only in the laboratory")
    return cluster


@pytest.fixture
def mended(lab: Cluster) -> Iterator[Cluster]:
    """The laboratory, all nodes back in the end."""
    yield lab
    lab.cancel_all()
    lab.mend()
