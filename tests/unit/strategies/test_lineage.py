"""Lineage: the chain of stretches behind a trial's weights."""

from __future__ import annotations

from perch.strategies.lineage import Lineage, Stretch

A, B, C = {"lr": 0.1}, {"lr": 0.2}, {"lr": 0.3}


def family() -> Lineage:
    """b copies a's epoch 4, a copies b's epoch 8 of its second segment."""
    lineage = Lineage()
    lineage.start("a", A)
    lineage.start("b", B)
    for epoch in range(1, 7):
        lineage.report("a", epoch)
        lineage.report("b", epoch)
    lineage.exploit("b", "a", 0, 4, C)
    for epoch in range(5, 10):
        lineage.report("b", epoch)
    lineage.exploit("a", "b", 1, 8, A)
    lineage.report("a", 9)
    return lineage


def test_a_trial_that_copied_nobody_is_its_own_lineage() -> None:
    lineage = Lineage()
    lineage.start("a", A)
    lineage.report("a", 3)
    assert lineage.of("a") == (Stretch("a", 0, 1, 3, A),)


def test_the_chain_holds_each_donor_up_to_the_epoch_that_was_copied() -> None:
    assert family().of("b") == (Stretch("a", 0, 1, 4, A), Stretch("b", 1, 5, 9, C))
    assert family().of("a") == (Stretch("a", 0, 1, 4, A), Stretch("b", 1, 5, 8, C), Stretch("a", 1, 9, 9, A))


def test_epochs_of_a_lineage_follow_each_other_without_a_gap() -> None:
    for trial in ("a", "b"):
        stretches = family().of(trial)
        assert [s.first_epoch for s in stretches] == [1, *(s.last_epoch + 1 for s in stretches[:-1])]


def test_an_exploit_without_an_epoch_since_adds_nothing() -> None:
    lineage = family()
    lineage.exploit("a", "b", 1, 9, B)
    assert lineage.of("a") == (Stretch("a", 0, 1, 4, A), Stretch("b", 1, 5, 9, C))
