"""How much room an autoscaler is asked to make."""

from hypothesis import given
from hypothesis import strategies as st

from perch.runs.autoscaling import MOST_AHEAD, PATIENCE_S, Wish, demand


@given(busy=st.integers(0, 100), worker_slots=st.integers(1, 100), left=st.one_of(st.none(), st.integers(0, 500)))
def test_an_autoscaler_is_shown_what_runs_and_a_bounded_number_more_while_every_slot_is_used(
    busy: int, worker_slots: int, left: int | None
) -> None:
    wanted = demand(busy, worker_slots, left)
    assert busy <= wanted <= busy + MOST_AHEAD
    if busy < worker_slots:
        assert wanted == busy, "nodes that nobody needs may go"
    elif left is None:
        assert wanted > busy
    else:
        assert wanted <= busy + left


def test_a_wish_that_is_not_fulfilled_is_made_smaller_and_grows_again_with_the_cluster() -> None:
    wish = Wish()
    assert [wish.ahead(2, PATIENCE_S * k) for k in (0, 1, 2, 3, 9, 99)] == [MOST_AHEAD, 4, 2, 1, 1, 1]
    assert wish.ahead(3, PATIENCE_S * 100) == MOST_AHEAD
