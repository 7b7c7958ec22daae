"""What a run does for its files next to its loop, so that a slow file system does not hold up the trials."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from pathlib import Path

from perch.limit import publish


class Aside:
    """One piece of work at a time in a thread of its own; what comes while it lasts is left out, to be asked for later."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None

    def start(self, work: Callable[[], None]) -> bool:
        """Begin, unless the last piece is not done. True if it was begun."""
        if self._thread is not None and self._thread.is_alive():
            return False
        self._thread = threading.Thread(target=work, name="perch-aside", daemon=True)
        self._thread.start()
        return True

    def join(self) -> None:
        """Wait for what was begun."""
        if self._thread is not None:
            self._thread.join()


class KeptLimit:
    """Publishes the value below which weights are worth keeping, when it has changed. ``weights``: None: nobody keeps any."""

    def __init__(self, weights: Path | None) -> None:
        self._weights = weights
        self._value = math.inf
        self._aside = Aside()

    def tell(self, keep_below: float) -> None:
        """Publish it, if it is news."""
        if (
            self._weights is not None
            and keep_below != self._value
            and self._aside.start(lambda: self._tell(keep_below))
        ):
            self._value = keep_below

    def _tell(self, keep_below: float) -> None:
        assert self._weights is not None
        try:
            publish(self._weights, keep_below)
        except OSError:  # workers then go by what they were given when they started
            logging.getLogger("perch.weights").warning("cannot write in %s", self._weights, exc_info=True)
