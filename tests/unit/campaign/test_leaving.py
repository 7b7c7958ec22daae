"""Who is waited for when an attempt is to end."""

from hypothesis import given
from hypothesis import strategies as st

from perch.campaign.leaving import FIRST_EPOCH_S, LONGEST_STAY_S, SHORTEST_STAY_S, Stay


def test_with_a_known_end_a_trial_is_waited_for_if_its_epoch_ends_and_is_saved_in_time():
    stay = Stay(began_s=100.0, until_s=160.0)
    assert stay.worth_waiting(100.0, epoch_began_s=90.0, epoch_s=60.0, save_s=5.0), "its epoch ends at 150"
    assert not stay.worth_waiting(100.0, epoch_began_s=98.0, epoch_s=60.0, save_s=5.0), "it would be saved at 163"


def test_a_trial_that_takes_longer_than_expected_is_waited_for_until_there_is_no_time_to_save():
    stay = Stay(began_s=100.0, until_s=160.0)
    assert stay.worth_waiting(150.0, epoch_began_s=90.0, epoch_s=40.0, save_s=5.0)
    assert not stay.worth_waiting(156.0, epoch_began_s=90.0, epoch_s=40.0, save_s=5.0)


def test_a_trial_that_hangs_is_not_waited_for_though_the_job_lasts_for_hours():
    stay = Stay(began_s=100.0, until_s=20_000.0)
    assert stay.worth_waiting(150.0, epoch_began_s=90.0, epoch_s=60.0, save_s=1.0)
    assert not stay.worth_waiting(90.0 + 2 * 60.0 + SHORTEST_STAY_S, epoch_began_s=90.0, epoch_s=60.0, save_s=1.0)


def test_without_a_known_end_an_epoch_of_a_minute_is_waited_for():
    stay = Stay(began_s=100.0)
    assert stay.worth_waiting(155.0, epoch_began_s=99.0, epoch_s=60.0, save_s=1.0)
    assert not stay.worth_waiting(99.0 + 120.0 + SHORTEST_STAY_S, epoch_began_s=99.0, epoch_s=60.0, save_s=1.0)


def test_before_the_first_epoch_it_is_waited_for_a_minute():
    stay = Stay(began_s=0.0)
    assert stay.worth_waiting(FIRST_EPOCH_S - 1, epoch_began_s=0.0, epoch_s=None, save_s=1.0)
    assert not stay.worth_waiting(FIRST_EPOCH_S, epoch_began_s=0.0, epoch_s=None, save_s=1.0)


@given(
    now_s=st.floats(0, 1e5), began_s=st.floats(0, 1e5), epoch_began_s=st.floats(0, 1e5),
    epoch_s=st.one_of(st.none(), st.floats(0, 1e5)), save_s=st.floats(0, 1e3), until_s=st.one_of(st.none(), st.floats(0, 1e5)),
)  # fmt: skip
def test_nobody_is_waited_for_beyond_the_end_of_the_stay(now_s, began_s, epoch_began_s, epoch_s, save_s, until_s):
    if Stay(began_s, until_s).worth_waiting(now_s, epoch_began_s, epoch_s, save_s):
        assert now_s < (began_s + LONGEST_STAY_S if until_s is None else until_s)
