"""How busy does Dragonfly keep eight workers of 10 s trials over 200 trials? ``python benchmarks/dragonfly_busy.py``

A virtual clock with Dragonfly's real answers: workers train for exactly ten virtual seconds (all end together, the worst
case, unless --jitter), and a suggestion takes the processor seconds that the real process needed for it, one after the
other. So the figure is that of a machine with one free core for Dragonfly, however busy this one is.

A point that Dragonfly suggests again is not trained twice: a random one takes its place, and keeps a worker just as busy.
``suggested`` says how many trials came from whom, ``busy`` is the share of worker seconds spent training anything, and
``busy_own`` that spent training the design's and Dragonfly's own points.
"""

from __future__ import annotations

import argparse
import heapq
import json
from collections import Counter
from typing import Any

from perch.space import keyed_uniforms, parse_space
from perch.strategies.plan import Plan
from perch.strategies.registry import build, read_settings
from perch.strategies.searchers.dragonfly import dragonfly_search
from perch.strategies.searchers.prefetch import Question, Reply
from perch.strategies.strategy import New
from perch.suggesting.dragonfly import DragonflyProcess

SPACE = parse_space(
    {
        "atom_embedding_size": {"int": [8, 128], "log": True},
        "num_graph_conv_layers": {"int": [1, 8]},
        "fc_feat_size": {"int": [8, 150]},
        "num_fc_layers": {"int": [1, 6]},
        "lr": {"float": [0.0003, 0.1], "log": True},
        "batch_size": {"choice": [16, 32, 64, 128]},
    }
)


class Timed:
    """The real process on a virtual clock: a reply is there once its processor seconds have passed."""

    def __init__(self, process: DragonflyProcess) -> None:
        self.process = process
        self.now_s = self.free_s = 0.0
        self.ready: dict[Any, tuple[float, Reply]] = {}
        self.asks: list[float] = []

    def prepare(self) -> None:
        """It is up already: its start is not what is measured."""

    def ask(self, question: Question) -> Reply | None:
        """Begin work on a new question; its reply once it is due."""
        if question.key not in self.ready:
            reply = self.process.ask(question)
            assert reply is not None and not reply.trouble
            seconds = float(reply.note["cpu_s"])
            self.asks.append(seconds)
            self.free_s = max(self.free_s, self.now_s) + seconds
            self.ready[question.key] = (self.free_s, reply)
        due_s, reply = self.ready[question.key]
        return reply if due_s <= self.now_s else None

    def wait(self, seconds: float) -> None:
        """The clock is virtual."""

    def forget(self, number: int) -> None:
        """Everything is kept."""

    def close(self) -> None:
        """Whoever made the process ends it."""


def suggested_by(by: str) -> str:
    """design, dragonfly, repeated, or random for any other reason."""
    if not by.startswith("random"):
        return by
    return "repeated" if "repeated" in by else "random"


def measure(workers: int, trials: int, trial_s: float, jitter: float, ahead: int | None) -> dict[str, Any]:
    """Share of worker seconds spent training, from the first start to the last trial's start."""
    spec = {"name": "bo", "ahead": ahead}
    plan = Plan(SPACE, 1, trials, seed=0, workers=workers)
    process = DragonflyProcess(SPACE, 0, wait=True)
    port = Timed(process)
    strategy = build(spec, plan, dragonfly_search(plan, read_settings(spec)[1], port))
    ends: list[tuple[float, int, Any]] = []
    started, free, now_s, idle_s = 0, workers, 0.0, 0.0
    spans: list[tuple[str, float, float]] = []  # who suggested a trial, its start and its end
    while started < trials:
        answer = strategy.ask(now_s) if free else None
        if isinstance(answer, New):
            event = {"e": "trial", "id": str(started), "i": started, "config": answer.config, "by": answer.by}
            strategy.applied({**event, "note": answer.note})
            factor = 1 + jitter * (2 * next(keyed_uniforms(0, "seconds", started)) - 1)
            spans.append((suggested_by(answer.by), now_s, now_s + trial_s * factor))
            heapq.heappush(ends, (now_s + trial_s * factor, started, answer.config))
            started, free = started + 1, free - 1
            continue
        later = [due for due, _ in port.ready.values() if due > now_s] if free else []
        then_s = min([*later, *(e[0] for e in ends[:1])])
        idle_s += free * (then_s - now_s)
        now_s = port.now_s = then_s
        while ends and ends[0][0] <= now_s:
            _, i, config = heapq.heappop(ends)
            value = sum((u - 0.4) ** 2 for u in SPACE.to_unit(config).values())
            strategy.applied({"e": "result", "id": str(i), "seg": 0, "epoch": 1, "value": value, "d": "stop"})
            free += 1
    process.close()
    asks = sorted(port.asks)
    own_s = sum(min(ended_s, now_s) - begun_s for who, begun_s, ended_s in spans if who in ("design", "dragonfly"))
    return {
        "workers": workers, "trials": trials, "trial_s": trial_s, "jitter": jitter, "ahead": ahead,
        "busy": round(1 - idle_s / (workers * now_s), 4), "busy_own": round(own_s / (workers * now_s), 4),
        "suggested": dict(Counter(who for who, _, _ in spans)), "asks": len(asks), "ask_median_s": asks[len(asks) // 2],
        "ask_mean_s": round(sum(asks) / len(asks), 3), "ask_most_s": asks[-1],
    }  # fmt: skip


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--jitter", type=float, default=0.0)
    parser.add_argument("--ahead", type=int, default=None)
    given = parser.parse_args()
    print(json.dumps(measure(given.workers, given.trials, given.seconds, given.jitter, given.ahead)))


if __name__ == "__main__":
    main()
