"""What holds for every test."""

import signal
import sys

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("any-load", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-load")  # how long an example takes says how busy the machine is


@pytest.fixture(autouse=True)
def denormals_as_they_were():
    """Training flushes denormal numbers to zero in its whole process; Hypothesis draws some, and would find them zero."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)


@pytest.fixture
def hears_hangups():
    """A hang-up is not ignored, whatever started the tests (``nohup`` does): a run under ``nohup`` is meant to go on."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)
