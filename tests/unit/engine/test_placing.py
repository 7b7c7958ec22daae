"""Where Tune gets its next trial: what the adapter does while nothing runs and a suggestion is being worked out."""

from types import SimpleNamespace

import pytest

from perch.engine.needs import Request
from perch.engine.tune import TuneEngine


class Campaign:
    """Has a placement after so many looks; ``ending`` as the real one has it."""

    worker_slots = 2
    failure = None

    def __init__(self, looks, *, awaited=True):
        self.looks, self.awaited, self.ending, self.waits = looks, awaited, None, 0

    def next_placement(self, busy):
        self.looks -= 1
        return "placement" if self.looks < 0 else None

    def next_confirmation(self):
        return None

    def wait_for_suggestion(self, seconds):
        if self.ending is not None or not self.awaited:
            return False
        self.waits += 1
        return True


@pytest.fixture
def engine(monkeypatch):
    """An engine whose trials are its placements."""
    monkeypatch.setattr(TuneEngine, "_trial", lambda self, placement: placement)

    def make(campaign, on_tick=lambda: None):
        return TuneEngine(
            campaign,
            None,
            None,
            {},
            attempt=1,
            extra_config=lambda s: {},
            classify=str,
            on_tick=on_tick,
            on_start=lambda: None,
        )

    return make


def test_with_nothing_running_it_waits_for_the_suggestion_and_looks_around_meanwhile(engine):
    ticks = []
    campaign = Campaign(looks=3)
    assert engine(campaign, lambda: ticks.append(1)).place() == "placement"
    assert campaign.waits == len(ticks) == 3


def test_it_leaves_as_soon_as_the_run_is_to_end(engine):
    campaign = Campaign(looks=1000)

    def stop():
        campaign.ending = "interrupted"

    assert engine(campaign, stop).place() is None
    assert campaign.waits == 1


def test_while_trials_run_it_never_waits(engine):
    campaign = Campaign(looks=3)
    one = engine(campaign)
    one.controller = SimpleNamespace(_running_trials=[SimpleNamespace(perch_request=Request())], _pending_trials=[])
    assert one.place() is None
    assert campaign.waits == 0


def test_without_a_suggestion_on_its_way_it_does_not_wait_either(engine):
    assert engine(Campaign(looks=3, awaited=False)).place() is None
