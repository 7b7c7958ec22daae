"""A table: what it refuses, and how epochs and seconds are changed."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.rehearse.made import table

from perch.errors import RecordError
from perch.rehearse.tables.table import COMPLETED, DIVERGED


def test_fewer_than_twenty_full_curves_are_refused() -> None:
    assert table(20).check() is not None
    with pytest.raises(RecordError, match="19 full curves"):
        table(19).check()
    mostly_diverged = table(40, fates=(DIVERGED,) * 21 + (COMPLETED,) * 19)
    with pytest.raises(RecordError, match="19 full curves"):
        mostly_diverged.check()


def test_a_table_without_times_is_refused_until_an_epoch_has_a_length() -> None:
    timeless = table(seconds=None)
    with pytest.raises(RecordError, match="holds no times"):
        timeless.check_times()
    assert timeless.lasting(60.0).check_times().epoch_s == 60.0
    with pytest.raises(RecordError, match="--epoch-s 0"):
        timeless.lasting(0.0)


def test_longer_epochs_keep_the_proportions() -> None:
    uneven = table(seconds=np.tile(np.linspace(1, 3, 9), (40, 1)))
    longer = uneven.lasting(20.0)
    assert longer.epoch_s == pytest.approx(20.0)
    assert longer.seconds is not None and longer.seconds[0, -1] == pytest.approx(3 * longer.seconds[0, 0])


def test_fewer_epochs_cut_and_more_are_refused() -> None:
    short = table().up_to(3)
    assert short.epochs == 3 and short.seconds is not None and short.seconds.shape == (40, 3)
    with pytest.raises(RecordError, match="ends at epoch 9"):
        table().up_to(27)
    held = table().up_to(27, beyond=True)
    assert np.array_equal(held.values[:, 26], table().values[:, 8])
    assert "never recorded" in held.notes[-1]


def test_a_curve_that_diverges_after_the_cut_is_complete_within_it() -> None:
    values = table().values.copy()
    values[0, 5:] = np.nan
    diverged = table(values=values, fates=(DIVERGED,) + (COMPLETED,) * 39)
    assert len(diverged.full) == 39
    assert len(diverged.up_to(3).full) == 40
    assert len(diverged.up_to(7).full) == 39
