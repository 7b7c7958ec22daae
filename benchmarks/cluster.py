"""A campaign of many workers, with the real strategies, the real campaign and the real log, on a virtual clock.

    python benchmarks/cluster.py loop [--workers 10,100,1000] [--trials 10000] [--strategies asha,asha-promote,pbt]
    python benchmarks/cluster.py size [--trials 100000] [--epochs 10]
    python benchmarks/cluster.py ask
    python benchmarks/cluster.py imports

``loop``: what a result costs the driver (microseconds of processor time, learning curves left out), by the number of workers.
``size``: every trial trains to the end. Memory of the driver and of the writer, how far the writer is behind, how long a resume's
replay and the report take; each is a process of its own. ``ask``: processor seconds of a suggestion of Optuna's Gaussian process, by
the number of results and of trials in progress. ``imports``: files that a worker opens to start. Prints a JSON line each.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perch.campaign.campaign import Campaign
from perch.campaign.confirmation import Confirmation
from perch.campaign.rules import Rules
from perch.log.events import EventLog
from perch.log.folder import RunFolder
from perch.log.state import State
from perch.runs.strategy import build_strategy
from perch.simulate.delays import Delays
from perch.simulate.virtual_clock import VirtualClock, VirtualEngine, VirtualStore
from perch.study import Study, dump, parse

SPACE = {
    "lr": {"float": [0.001, 1.0], "log": True},
    "momentum": {"float": [0.5, 0.99]},
    "batch_size": {"choice": [16, 32, 64]},
}


class Cheap:
    """Curves that cost next to nothing: what is measured is the driver."""

    def value(self, config: Mapping[str, Any], trial: str, epoch: int) -> float:
        """Falls with the epoch, differs from trial to trial."""
        return float(config["lr"]) + 1.0 / epoch + int(trial[-3:] or 0) * 1e-6

    def seconds(self, config: Mapping[str, Any], trial: str, epoch: int) -> float:
        """Half a minute to a minute and a half."""
        return 30.0 + 60.0 * (float(config["momentum"]) - 0.5)

    def metrics(self, config: Mapping[str, Any], trial: str, epoch: int) -> dict[str, Any]:
        """What Perch's own models report."""
        value = self.value(config, trial, epoch)
        return {
            "train_mae_ev": 0.9 * value, "validation_mae_ev": value, "test_mae_ev": 1.1 * value, "lr": config["lr"],
            "epoch_s": 60.0, "training_s": 50.0, "evaluating_s": 10.0, "peak_memory_bytes": 2**31, "device": "cuda:0 (Stand-in)",
        }  # fmt: skip


def study(strategy: str, trials: int, epochs: int) -> Study:
    """The study of every measurement here."""
    return parse({
        "name": "cluster", "space": SPACE, "strategy": strategy, "epochs": epochs, "budget": {"trials": trials}, "confirm": {"top": 0},
        "log": [],
    })  # fmt: skip


def drive(folder: RunFolder, order: Study, workers: int) -> dict[str, Any]:
    """A whole campaign; seconds are those of this process's processor time."""
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.study.write_text(dump(order), encoding="utf-8")
    log, clock = EventLog(folder.events), VirtualClock()
    state = State(build_strategy(order, workers), order.epochs)
    store = VirtualStore()
    campaign = Campaign(Rules.of(order), state, log, clock, store, Confirmation(log, 0, 0), workers)
    campaign.emit(
        e="attempt",
        n=1,
        accepts_bytes={},
        unix_s=time.time(),
        seed=0,
        workers=workers,
        budget=order.budget.model_dump(),
    )
    engine = VirtualEngine(lambda: campaign, clock, store, Cheap(), workers, Delays())
    began_s, slices, last, step = time.process_time(), [], (time.process_time(), 0), 0
    for _ in engine.steps():
        if state.results >= step + 5000:
            step = state.results
            now = (time.process_time(), state.results)
            slices.append(1e6 * (now[0] - last[0]) / (now[1] - last[1]))
            last = now
    took_s = time.process_time() - began_s
    campaign.emit(e="close", why="done", reason="the budget is spent")
    log.close()
    return {
        "trials": state.started, "results": state.results, "us_per_result": round(1e6 * took_s / state.results, 1),
        "us_first": round(slices[0], 1) if slices else None, "us_last": round(slices[-1], 1) if slices else None,
        "results_per_s": round(state.results / took_s), "simulated_h": round(clock.time_s / 3600, 1),
        "log_mb": round(sum(f.stat().st_size for f in folder.events.iterdir()) / 1e6, 1), "peak_mb": peak_mb(),
    }  # fmt: skip


def peak_mb() -> int:
    """Largest memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def stage(name: str, folder: RunFolder, options: argparse.Namespace) -> dict[str, Any]:
    """One of the processes of ``size``, timed."""
    began_s, cpu_s = time.perf_counter(), time.process_time()
    extra: dict[str, Any] = {}
    if name == "driver":
        extra = drive(folder, study("rs", options.trials, options.epochs), 1000)
    elif name == "replay":
        from perch.log.earlier import earlier
        from perch.runs.resume import replay

        order = Study.load(folder.study)
        extra = {"ended": earlier(folder.events).closed, "results": replay(order, folder).results}
    elif name == "writer":
        from perch.runs.writer import Writer

        writer = Writer(folder)
        writer.look()
        extra["look_s"] = round(time.perf_counter() - began_s, 1)
        for which in ("tables_s", "tables_again_s"):
            writer.changed = True
            then_s = time.perf_counter()
            writer.write_tables()
            extra[which] = round(time.perf_counter() - then_s, 1)
        extra["curves_mb"] = round(folder.curves.stat().st_size / 1e6, 1)
    elif name == "report":
        from perch.report import refresh

        refresh(folder.path)
    took = {"seconds": round(time.perf_counter() - began_s, 1), "cpu_s": round(time.process_time() - cpu_s, 1)}
    return {"stage": name, **took, **extra, "peak_mb": peak_mb()}


def ask() -> None:
    """What a suggestion costs."""
    from perch.space import parse_space
    from perch.strategies.searchers.observations import Observation
    from perch.strategies.searchers.optuna import GaussianProcess
    from perch.strategies.searchers.prefetch import Question

    space = parse_space(SPACE)
    model = GaussianProcess(space, 0)
    model(Question(0, tuple(Observation(space.draw(0, k), float(k)) for k in range(9)), ()))  # imports take seconds
    for results, pending in ((20, 0), (100, 8), (100, 64), (400, 8), (400, 64), (4000, 64)):
        drawn = [space.draw(0, k) for k in range(results)]
        known = tuple(Observation(c, c["lr"] + c["momentum"]) for c in drawn)
        question = Question(5, known, tuple(space.draw(1, k) for k in range(pending)))
        began_s = time.process_time()
        model(question)
        took_s = round(time.process_time() - began_s, 2)
        print(json.dumps({"results": results, "pending": pending, "cpu_s": took_s}), flush=True)


def imports() -> None:
    """Files of Python, Ray, torch and Perch that a worker has open or has read once it can train."""
    import perch.training.trainable  # noqa: F401

    modules = {m.__file__ for m in list(sys.modules.values()) if getattr(m, "__file__", None)}
    mapped = {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if ".so" in line}
    files = [Path(f) for f in modules | mapped if f]
    size = sum(f.stat().st_size for f in files if f.is_file())
    print(json.dumps({"modules": len(modules), "libraries": len(mapped - modules), "mb": round(size / 1e6)}))


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["loop", "size", "ask", "imports", "driver", "replay", "writer", "report"])
    parser.add_argument("--workers", default="10,100,1000")
    parser.add_argument("--strategies", default="asha,asha-promote,pbt")
    parser.add_argument("--trials", type=int)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if options.folder is not None:
        print(json.dumps(stage(options.what, RunFolder(options.folder), options)), flush=True)
        return
    if options.what in ("ask", "imports"):
        {"ask": ask, "imports": imports}[options.what]()
        return
    print(
        json.dumps(
            {"machine": platform.processor() or platform.machine(), "cores": os.cpu_count(), "load": os.getloadavg()[0]}
        )
    )
    with tempfile.TemporaryDirectory() as scratch:
        if options.what == "loop":
            options.trials = options.trials or 10_000
            for strategy in options.strategies.split(","):
                for workers in map(int, options.workers.split(",")):
                    folder = RunFolder(Path(scratch) / f"{strategy}-{workers}")
                    found = drive(folder, study(strategy, options.trials, 27), workers)
                    print(json.dumps({"strategy": strategy, "workers": workers, **found}), flush=True)
            return
        size = [
            "--trials",
            str(options.trials or 100_000),
            "--epochs",
            str(options.epochs),
            "--folder",
            f"{scratch}/run",
        ]
        for name in ("driver", "replay", "writer", "report"):
            subprocess.run([sys.executable, __file__, name, *size], check=True)


if __name__ == "__main__":
    main()
