"""Which segments led to which: the chain of donors, and the rows of curves along it."""

from __future__ import annotations

import pandas as pd

from perch.record.ancestry import ancestry, parents_of, path, stretches

PARENTS = {("b", 1): ("a", 0, 4), ("a", 1): ("b", 1, 8)}
"""b copies a's epoch 4, a copies b's epoch 8 of its second segment."""


def curves() -> pd.DataFrame:
    spans = {("a", 0): (1, 6), ("b", 0): (1, 6), ("b", 1): (5, 9), ("a", 1): (9, 10)}
    rows = [
        (t, s, e, *PARENTS.get((t, s), (None, None, None))) for (t, s), (x, y) in spans.items() for e in range(x, y + 1)
    ]
    return pd.DataFrame(
        rows, columns=["trial_id", "segment", "epoch", "parent_trial_id", "parent_segment", "parent_epoch"]
    )


def test_a_segment_without_a_donor_is_its_own_ancestry() -> None:
    assert ancestry(("a", 0), PARENTS) == [(("a", 0), None)]


def test_the_chain_holds_each_donor_up_to_the_epoch_that_was_copied() -> None:
    assert ancestry(("b", 1), PARENTS) == [(("a", 0), 4), (("b", 1), None)]
    assert ancestry(("a", 1), PARENTS) == [(("a", 0), 4), (("b", 1), 8), (("a", 1), None)]


def test_donors_are_read_off_the_curves() -> None:
    assert parents_of(curves()) == PARENTS


def test_a_path_has_each_epoch_once() -> None:
    found = path(curves(), ("a", 1))
    assert found["epoch"].tolist() == list(range(1, 11))
    assert found["trial_id"].tolist() == 4 * ["a"] + 4 * ["b"] + 2 * ["a"]


def test_a_donor_that_left_no_row_is_named_and_passed_over_on_the_path() -> None:
    known = curves()
    gone = known[known["segment"] != 0]
    assert [(at, rows is None) for at, rows in stretches(gone, ("b", 1))] == [(("a", 0), True), (("b", 1), False)]
    assert path(gone, ("b", 1))["epoch"].tolist() == [5, 6, 7, 8, 9]
    assert path(gone, ("c", 0)).empty
