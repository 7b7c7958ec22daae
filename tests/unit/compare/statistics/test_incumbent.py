"""The incumbent: lowest validation error reported by a time, and when it first reaches a target."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from perch.compare.statistics.incumbent import incumbent, incumbent_of

reports = st.lists(
    st.tuples(st.floats(0, 100), st.floats(0.01, 5) | st.just(float("nan")) | st.just(float("inf"))), max_size=40
)


def test_falls_only_at_better_reports_of_any_trial() -> None:
    staircase = incumbent([3.0, 1.0, 2.0, 4.0], [0.4, 0.5, 0.6, 0.3], [0.45, 0.55, 0.65, 0.35])
    assert staircase.time_s.tolist() == [1, 3, 4]
    assert staircase.value.tolist() == [0.5, 0.4, 0.3]
    assert staircase.test.tolist() == [0.55, 0.45, 0.35]


def test_before_the_first_report_there_is_nothing() -> None:
    staircase = incumbent([5.0], [0.2], [0.3])
    assert staircase.at([4.9, 5.0]).tolist() == [np.inf, 0.2]
    assert np.isnan(staircase.test_at(4.9)) and staircase.test_at(5.0) == 0.3


def test_time_to_solution_is_the_first_second_at_or_below_the_target() -> None:
    staircase = incumbent([1.0, 2.0, 3.0], [0.5, 0.4, 0.3])
    assert staircase.first_s([0.5, 0.45, 0.4, 0.3, 0.29]).tolist() == [1, 2, 2, 3, np.inf]


def test_a_run_that_reported_nothing_reaches_nothing() -> None:
    empty = incumbent([], [])
    assert empty.at(10.0) == np.inf and empty.first_s(1.0) == np.inf and empty.best == np.inf


def test_a_metric_to_be_maximised_comes_with_its_sign_turned() -> None:
    curves = pd.DataFrame({"time_s": [1.0, 2.0], "score": [0.1, 0.9], "test_mae_ev": [np.nan, np.nan]})
    assert incumbent_of(curves, "score", "max").best == -0.9


@given(reports)
def test_agrees_with_the_definition(rows: list[tuple[float, float]]) -> None:
    staircase = incumbent([t for t, _ in rows], [v for _, v in rows])
    for at in (0.0, 10.0, 50.0, 100.0):
        best = min((v for t, v in rows if t <= at and np.isfinite(v)), default=np.inf)
        assert staircase.at(at) == best
    for target in (0.1, 1.0, 4.0):
        first = min((t for t, v in rows if v <= target), default=np.inf)
        assert staircase.first_s(target) == first
