"""Progress of long work: a bar on a terminal, a line every tenth of the way when piped."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


class Bar:
    """``with Bar("training") as done:``, then ``done(n, all)``. Lines go to standard error: the answer stays clean."""

    def __init__(self, what: str) -> None:
        from rich.console import Console
        from rich.progress import Progress

        self.what, self.said = what, 0
        console = Console(stderr=True)
        self.bar = Progress(console=console, transient=True) if console.is_terminal else None
        self.task: Any = None

    def __enter__(self) -> Callable[[int, int], None]:
        return self.step

    def step(self, done: int, total: int) -> None:
        """``done`` of ``total`` are behind."""
        if self.bar is not None:
            if self.task is None:
                self.bar.start()
                self.task = self.bar.add_task(self.what, total=total)
            self.bar.update(self.task, completed=done, total=total)
        elif done * 10 // total > self.said:
            self.said = done * 10 // total
            print(f"{self.what}: {done} of {total}", file=sys.stderr, flush=True)

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()
