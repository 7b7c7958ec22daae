"""A run does not choose by the rows that it is judged by in the end, unless it is told to."""

import pytest
from tests.unit.hand_made import study

from perch.errors import StudyError
from perch.runs.check import check_metric


@pytest.mark.parametrize("name", ["test_mae_ev", "test_mae_ev_far", "loss/test", "TEST-rmse"])
def test_a_metric_of_test_rows_is_refused_and_taken_where_that_is_allowed(name: str) -> None:
    with pytest.raises(StudyError, match="made of test rows") as refused:
        check_metric(study(metric=name))
    assert "--allow-test-metric" in (refused.value.fix or "")
    check_metric(study(metric=name), allowed=True)


@pytest.mark.parametrize("name", ["validation_mae_ev", "loss", "latest_loss", "contest"])
def test_other_metrics_are_taken(name: str) -> None:
    check_metric(study(metric=name))
