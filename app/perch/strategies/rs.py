"""Random search: every configuration is drawn afresh and trained to the last epoch."""

from __future__ import annotations

from perch.strategies.registry import STRATEGIES, Entry, Settings
from perch.strategies.scheduler import Scheduler

STRATEGIES.register(
    "rs",
    Entry(
        name="rs",
        summary="random search, every trial trained to the end",
        scheduler="none (first in, first out)",
        searcher="random",
        paper="Bergstra & Bengio, JMLR 13 (2012) 281, https://jmlr.org/papers/v13/bergstra12a.html",
        when="Trials are short, or early results mislead: then nothing may be stopped early. It is also what every other "
        "strategy has to beat.",
        differs="Configuration k depends on the seed and k alone, so a run that was killed, or has more workers, draws the "
        "same ones; Ray draws from a stream.",
        settings=Settings,
        build=Scheduler,
    ),
)
