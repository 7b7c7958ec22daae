"""The fake Slurm of this part's tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.clusters.slurm.fake import FakeSlurm


@pytest.fixture
def slurm(tmp_path: Path) -> FakeSlurm:
    """Two pretended nodes."""
    return FakeSlurm(tmp_path / "host")
