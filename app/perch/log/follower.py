"""What the processes that follow a run share: they end when their standard input is closed, by the run or because it died."""

from __future__ import annotations

import os
import threading


def when_input_ends() -> threading.Event:
    """An event that is set when standard input ends. Lowers this process's priority: training comes first."""
    os.nice(10)
    ended = threading.Event()

    def wait_for_the_run() -> None:
        while os.read(0, 4096):
            pass
        ended.set()

    threading.Thread(target=wait_for_the_run, daemon=True).start()
    return ended
