"""What the adapter answers to Tune, without a cluster."""

from types import SimpleNamespace

import pytest

from perch.run.tune import Engine, Leave, Search


def engine(**changes):
    campaign = SimpleNamespace(failure=None, ending=None, worker_slots=1)
    calls = {"beside": dict, "classify": str, "on_tick": lambda: None, "on_start": lambda: None}
    return Engine(campaign, **{**calls, **changes})


@pytest.mark.timeout(30)
def test_an_error_of_our_own_ends_tunes_wait_for_a_next_trial():
    """Tune asks again and again for minutes while no trial runs; an answer of None would keep it waiting."""

    def broken():
        raise RuntimeError("the disk is gone")

    one = engine(on_tick=broken)
    with pytest.raises(Leave):
        Search(one).next_trial()
    assert str(one.campaign.failure) == "the disk is gone"
