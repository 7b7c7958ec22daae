"""Dragonfly over a pipe: one JSON object per line in, one per line out, until the input ends.

    {"id": 1, "do": "open", "axes": [{"name": "lr", "float": [0.001, 0.1], "log": true}], "fixed": {}, "where": [], "seed": 0}
    {"id": 2, "do": "ask", "number": 12, "from": 0, "results": [[{"lr": 0.01}, 0.42, "ei"], …], "pending": [{"lr": 0.02}]}
    {"id": 2, "config": {"lr": 0.013}, "note": {"acq": "ucb", "built": 11}, "ask_s": 0.21}

A failed trial's value is null. The first "from" of the results that are known stay, "results" follow them. An answer depends on the seed and on its question alone, so a question can be asked
again, of another process, and is answered alike. Trouble comes back as {"id": …, "error": …}; the process goes on.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
import warnings

for _threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_threads] = "1"  # small matrices; more threads are slower and sum in another order
warnings.filterwarnings("ignore")

from typing import Any, TextIO  # noqa: E402

import acquisition  # noqa: E402
from axes import Domain  # noqa: E402
from bandit import Repaired, Stock  # noqa: E402


class Server:
    """Holds the one open study."""

    def __init__(self) -> None:
        self.bandit: Repaired | Stock | None = None
        self.results: list[tuple[dict[str, Any], float | None, str | None]] = []

    def answer(self, line: dict[str, Any]) -> dict[str, Any]:
        """Do what one line says."""
        if line["do"] == "open":
            self.results = []
            domain = Domain(line["axes"], line["fixed"], line["where"])
            self.bandit = (Stock if line.get("stock") else Repaired)(domain, line["seed"])
            acquisition.install(not line.get("stock") or line.get("fast", False))
            return {"ready": True}
        if line["do"] != "ask" or self.bandit is None:
            raise ValueError(f"cannot do {line['do']!r} now")
        begun, worked = time.perf_counter(), time.process_time()
        new = [(config, value, acq) for config, value, acq in line["results"]]
        self.results = [*self.results[: line.get("from", 0)], *new]
        extra = line["built"] if isinstance(self.bandit, Stock) else line["pending"]
        config, note = self.bandit.ask(line["number"], self.results, extra)
        note["cpu_s"] = round(time.process_time() - worked, 3)
        return {"config": config, "note": note, "ask_s": round(time.perf_counter() - begun, 4)}


def main(lines: TextIO, out: TextIO) -> None:
    """Serve until the input ends."""
    server = Server()
    for text in lines:
        line = json.loads(text)
        try:
            reply = server.answer(line)
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()[-2000:]}
        out.write(json.dumps({"id": line["id"], **reply}, default=_plain) + "\n")
        out.flush()


def end_with(parent: int) -> None:
    """End when whoever started this process has ended: between two questions the closed pipe says so, but not during one."""
    while os.getppid() == parent:
        time.sleep(2)
    os._exit(1)


def _plain(value: Any) -> Any:
    """Numpy's numbers as Python's."""
    return value.item()


if __name__ == "__main__":
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # Dragonfly prints: what it says goes to stderr, and only answers to stdout
    main(sys.stdin, replies)
