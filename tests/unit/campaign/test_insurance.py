"""When a trial saves although its strategy does not need it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perch.campaign.insurance import FIRST_BETWEEN_S, LARGEST_SHARE, LONGEST_S, Insurance, mean_between_s

seconds = st.floats(min_value=0.001, max_value=1e4)


@given(save_s=seconds, between_s=st.floats(min_value=1.0, max_value=1e6))
def test_by_default_saving_never_costs_more_than_its_share(save_s, between_s):
    insurance = Insurance(LONGEST_S)
    insurance.saved(save_s)
    assert save_s / insurance.interval_s(between_s) <= LARGEST_SHARE * (1 + 1e-9)


@given(save_s=seconds, between_s=st.floats(min_value=1.0, max_value=1e6))
def test_where_its_share_allows_it_no_more_than_ten_minutes_are_unsaved(save_s, between_s):
    insurance = Insurance(LONGEST_S)
    insurance.saved(save_s)
    assert insurance.interval_s(between_s) <= max(LONGEST_S, save_s / LARGEST_SHARE) * (1 + 1e-9)


@given(save_s=seconds, between_s=st.floats(min_value=1.0, max_value=1e6), longest_s=st.floats(1.0, 1e4))
def test_a_number_that_was_asked_for_holds_whatever_saving_costs(save_s, between_s, longest_s):
    insurance = Insurance(longest_s, strict=True)
    insurance.saved(save_s)
    assert insurance.interval_s(between_s) <= longest_s


def test_between_its_bounds_the_interval_is_youngs():
    insurance = Insurance(LONGEST_S)
    insurance.saved(2.0)
    assert insurance.interval_s(40_000.0) == pytest.approx(math.sqrt(2 * 2.0 * 40_000.0))


def test_without_insurance_nothing_is_ever_due():
    assert Insurance(None).interval_s(1.0) == math.inf


def test_a_save_costs_the_median_of_the_last_ones():
    insurance = Insurance(LONGEST_S)
    for taken_s in (1.0, 90.0, 3.0):
        insurance.saved(taken_s)
    assert insurance.save_s == 3.0


def test_before_any_interruption_the_mean_time_between_them_is_assumed():
    assert mean_between_s(60.0, 0) == FIRST_BETWEEN_S
    assert mean_between_s(10 * FIRST_BETWEEN_S, 0) == 10 * FIRST_BETWEEN_S
    assert mean_between_s(1000.0, 4) == 250.0
