"""A Gaussian process over a pipe, Optuna's or the one over configuration and epoch: one JSON object per line in, one per line out, until the input ends.

    {"id": 1, "do": "open", "space": {"lr": {"float": [0.001, 0.1], "log": true}}, "seed": 0}
    {"id": 2, "do": "ask", "number": 12, "from": 0, "results": [[{"lr": 0.01}, 0.42, null], …], "pending": [{"lr": 0.02}]}
    {"id": 2, "config": {"lr": 0.013}, "note": {}}

With ``epochs`` in the first line it is the process over configuration and epoch: each result then ends with its epoch, and a question
names the trials in ``waiting`` that it is to foretell. A failed trial's value is null. The first ``from`` of the results that are known stay, ``results`` follow them. An answer depends on space, seed and its question alone, so a question can be asked again,
of another process, and is answered alike. An error comes back as ``{"id": …, "error": …}``; the process goes on.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from typing import Any, TextIO

from perch.space import parse_space
from perch.strategies.searchers.multifidelity import EPOCH, MultiFidelity
from perch.strategies.searchers.observations import Observation
from perch.strategies.searchers.optuna import GaussianProcess
from perch.strategies.searchers.prefetch import FEWEST_RESULTS, Question


class Server:
    """Holds the one open study."""

    def __init__(self) -> None:
        self.process: GaussianProcess | MultiFidelity | None = None
        self.results: list[Observation] = []

    def answer(self, line: dict[str, Any]) -> dict[str, Any]:
        """Do what one line says."""
        if line["do"] == "open":
            space = parse_space(line["space"])
            self.results = []
            epochs = line.get("epochs")
            model = (
                GaussianProcess(space, line["seed"]) if epochs is None else MultiFidelity(space, line["seed"], epochs)
            )
            self.process = model
            draws = [{k: c[k] for k in space.dimensions} for c in (space.draw(0, k) for k in range(FEWEST_RESULTS))]
            self.process(
                Question(0, tuple(Observation(c, float(k), {EPOCH: 1}) for k, c in enumerate(draws)), ())
            )  # imports take seconds
            return {"ready": True}
        if line["do"] != "ask" or self.process is None:
            raise ValueError(f"cannot do {line['do']!r} now")
        new = [Observation(config, value, {EPOCH: epoch}) for config, value, epoch in line["results"]]
        self.results = [*self.results[: line["from"]], *new]
        waiting = tuple((name, config) for name, config in line.get("waiting", ()))
        asked = Question(line["number"], tuple(self.results), tuple(line["pending"]), waiting=waiting)
        reply = self.process(asked)
        return {"error": reply.trouble} if reply.trouble else {"config": reply.config, "note": dict(reply.note)}


def read_all(lines: TextIO, into: queue.SimpleQueue[str]) -> None:
    """Pass on every line. When the input ends, the process ends at once, even in the middle of an answer."""
    for text in lines:
        into.put(text)
    os._exit(0)


def main(lines: TextIO, out: TextIO) -> None:
    """Serve until the input ends."""
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=read_all, args=(lines, waiting), daemon=True).start()
    server = Server()
    while True:
        line = json.loads(waiting.get())
        try:
            reply = server.answer(line)
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        out.write(json.dumps({"id": line["id"], **reply}) + "\n")
        out.flush()


if __name__ == "__main__":
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints goes to stderr, and only answers to stdout
    main(sys.stdin, replies)
