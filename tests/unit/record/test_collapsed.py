"""Which trials are called collapsed: those that had time to learn."""

from __future__ import annotations

import pandas as pd

from perch.record.collapsed import had_time, is_collapsed


def test_a_trial_is_judged_after_a_tenth_of_the_epochs() -> None:
    trials = pd.DataFrame({"epochs": [0, 8, 9, 81], "collapsed": [None, True, True, False]})
    assert had_time(trials, 81).tolist() == [False, False, True, True]
    assert is_collapsed(trials, 81).tolist() == [False, False, True, False]


def test_nothing_is_collapsed_where_the_data_has_no_mean_predictor() -> None:
    unknown = pd.DataFrame({"epochs": [81, 81], "collapsed": [None, None]})
    assert is_collapsed(unknown, 81).tolist() == [False, False]
    assert is_collapsed(unknown.drop(columns="collapsed"), 81).tolist() == [False, False]
