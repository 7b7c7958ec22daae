"""What a rehearsal is interrupted by."""

import math

import pytest
from tests.unit.rehearse.made import table

from perch.errors import StudyError
from perch.rehearse.interruptions import as_json, interruptions_of, lines
from perch.rehearse.run import Setting, rehearse
from perch.rehearse.variants import variants
from perch.simulate import Delays
from perch.simulate.interruptions import NONE

[ASHA] = variants(["asha"])


def asked(**changes):
    given = {"lost_every": None, "back_after": "10m", "walltime": None, "warning": "5m"}
    return interruptions_of(table(), **{**given, **changes})


def test_nothing_by_default():
    assert asked() == NONE
    assert as_json(NONE) is None and not list(lines(NONE))


def test_losses_and_walltimes_as_they_are_written():
    found = asked(lost_every="24h", walltime="4h", warning="2m")
    assert (found.lost_every_s, found.back_after_s, found.walltime_s, found.warning_s) == (86400, 600, 14400, 120)
    [line] = lines(found)
    assert "a worker is lost every 24 h" in line and "jobs end after 4 h" in line
    assert as_json(asked(walltime="4h"))["lost_every_s"] is None, "JSON knows no infinity"
    assert math.isinf(asked(walltime="4h").lost_every_s)


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"walltime": "3s"}, "--walltime 3 s leaves no time"), ({"lost_every": "1s"}, "--lost-every 1 s leaves no time"),
     ({"walltime": "soon"}, "--walltime soon"), ({"walltime": "1h", "warning": "x"}, "--warning x")],
)  # fmt: skip
def test_what_no_trial_would_survive_and_what_is_no_time_is_refused(changes, words):
    with pytest.raises(StudyError, match=words):
        asked(**changes)


def test_interruptions_cost_epochs_and_are_counted():
    setting = Setting(2, 400.0, Delays(start_s=1.0, save_s=0.5))
    calm = rehearse(table(), ASHA, 0, setting)
    assert (calm.lost, calm.attempts, calm.redone) == (0, 1, 0)
    stormy = rehearse(
        table(),
        ASHA,
        0,
        Setting(
            2,
            400.0,
            setting.delays,
            interruptions=asked(lost_every="30s", back_after="10s", walltime="100s", warning="0s"),
        ),
    )
    assert stormy.lost > 0 and stormy.attempts >= 4 and stormy.redone > 0
    assert stormy.epochs < calm.epochs
