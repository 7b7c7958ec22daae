"""What holds for every test."""

import sys

import pytest


@pytest.fixture(autouse=True)
def denormals_as_they_were():
    """Training flushes denormal numbers to zero in its whole process; Hypothesis draws some, and would find them zero."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)
