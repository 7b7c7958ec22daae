"""Which trials are called collapsed: those that had time to learn and never beat the mean predictor.

The table says of every trial whether it beat the mean predictor (``perch.vocabulary.COLLAPSED_SHARE``). Of a trial that
was stopped within the first tenth of the epochs nobody knows what it would have learned.
"""

from __future__ import annotations

from typing import Final

import pandas as pd

HAD_TIME_SHARE: Final = 0.1
"""Share of the study's epochs after which a trial is judged."""


def had_time(trials: pd.DataFrame, epochs: int) -> pd.Series[bool]:
    """For each row of ``trials.parquet``: did it train long enough to be judged, of the study's ``epochs``?"""
    return trials["epochs"] >= HAD_TIME_SHARE * epochs


def is_collapsed(trials: pd.DataFrame, epochs: int) -> pd.Series[bool]:
    """For each row of ``trials.parquet``: did it have time to learn, and did it not? False where the data has no mean."""
    if "collapsed" not in trials:
        return pd.Series(False, index=trials.index)
    return trials["collapsed"].eq(True) & had_time(trials, epochs)
