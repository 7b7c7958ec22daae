"""Who is trained with fresh seeds is chosen from what the campaign holds in memory."""

from __future__ import annotations

import pytest
from tests.unit.campaign.test_campaign import opened, step, study

from perch.campaign.confirmation import Confirmation
from perch.engine.inline import InlineEngine
from perch.log.curves import MOST_ENDED
from perch.log.events import EventLog, read
from perch.runs.resume import replay


class Unreadable:
    """A log that nobody may read."""

    def read(self):
        raise AssertionError("the log was read in the driver's loop")


def searched(path):
    """A search of 20 trials, and its state."""
    folder, campaign, log = opened(path, study(confirm={"top": 0}))
    InlineEngine(campaign, folder, log.attempt, step, slots=3).fit()
    log.close()
    return folder, campaign.state


def test_the_log_is_not_read_and_a_replayed_state_chooses_the_same(tmp_path):
    folder, state = searched(tmp_path / "run")
    chooser = Confirmation(Unreadable(), 3, 2, start={"x": 0.5})
    chosen = chooser.choose(state, 1)
    assert chosen["trials"][0] == "start"
    assert len(chosen["trials"]) == 4
    longest = {e["id"]: e["epoch"] for e in read(folder.events) if e["e"] == "result"}
    assert [longest[t] for t in chosen["trials"][1:]] == sorted(longest.values())[::-1][:3]
    replayed = replay(study(confirm={"top": 0}), folder, EventLog(folder.events))
    assert chooser.choose(replayed, 1) == chosen


def test_more_configurations_than_are_kept_are_chosen_from_the_log(tmp_path):
    folder, state = searched(tmp_path / "run")
    with pytest.raises(AssertionError, match="the log was read"):
        Confirmation(Unreadable(), MOST_ENDED, 2).choose(state, 1)
    log = EventLog(folder.events)
    many, few = (Confirmation(log, top, 2).choose(state, 1)["trials"] for top in (MOST_ENDED, 5))
    assert len(many) == 20
    assert many[:5] == few
