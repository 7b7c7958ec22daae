"""Peers on the same tables: ``PEERS/bin/python benchmarks/peers.py BOX... [--seeds 3] [--out peers.jsonl]``, in an environment of its own.

``BOX``: folders that ``perch rehearse TABLE --epoch-s 300 --export BOX`` has written. ``PEERS``: an environment made from
``benchmarks/peers_requirements.txt``; Perch is imported from ``app``, and needs no Ray here. Every method works on one virtual clock, this file's: workers ask, train epoch by epoch as the
table says, report, and go on or stop as the method says; neither a start nor a suggestion takes simulated time. What a model
proposes is answered by the nearest recorded configuration, for everybody. A figure's *regret* is the distance of the best
value so far from the table's best, as a share of the distance from the table's median to its best.

``--speed``: Perch's simulator and Syne Tune's, ASHA on the same table, in turn, in milliseconds of computing per trial.
``BOX`` may then be ``2000x100``: a made-up table of so many configurations and epochs.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import heapq
import io
import itertools
import json
import logging
import os
import re
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

WORKERS, TIME_S, SHARES = 8, 8 * 3600.0, (0.25, 0.5, 1.0)


class Box:
    """An exported table: curves of the metric, lower is better, and cumulative seconds."""

    def __init__(self, folder: Path) -> None:
        import pandas as pd

        meta = json.loads((folder / "metadata.json").read_text())
        self.folder, self.name = folder, meta["task_names"][0]
        self.metric, sign = meta["objectives_names"][0], -1.0 if meta["mode"] == "max" else 1.0
        objectives = np.load(folder / "objectives_evaluations.npy")[0, :, 0].astype(float)
        self.values, self.seconds = sign * objectives[:, :, 0], np.diff(objectives[:, :, 1], axis=1, prepend=0.0)
        self.epochs = self.values.shape[1]
        self.space = json.loads((folder / "configspace.json").read_text())
        self.configs = pd.read_parquet(folder / "hyperparameters.parquet").to_dict("records")
        self.points = np.array([self._encode(c) for c in self.configs])
        ends = np.nanmin(np.where(np.isfinite(self.values), self.values, np.inf), axis=1)
        finite = ends[np.isfinite(ends)]
        self.best, self.middle = float(finite.min()), float(np.median(finite))
        self.worst = float(np.nanmax(self.values))

    def row(self, config: Mapping[str, Any]) -> int:
        """The recorded configuration that is nearest in the unit cube."""
        return int(((self.points - self._encode(config)) ** 2).sum(axis=1).argmin())

    def _encode(self, config: Mapping[str, Any]) -> np.ndarray[Any, Any]:
        out: list[float] = []
        for name, d in self.space.items():
            settings, value = d["domain_kwargs"], config[name]
            if d["domain_cls"] == "Categorical":
                out += [0.5**0.5 * (value == c) for c in settings["categories"]]
            else:
                low, high = settings["lower"], settings["upper"]
                if d["sampler_cls"] == "LogUniform":
                    low, high, value = np.log(low), np.log(high), np.log(value)
                out.append((value - low) / (high - low))
        return np.array(out)


class Method(Protocol):
    """A peer as the clock sees it."""

    def ask(self) -> tuple[Any, Mapping[str, Any], int]:
        """A trial, its configuration, and the epoch that it trains next: 1 of a new one, more of one that was paused."""
        ...

    def tell(self, trial: Any, config: Mapping[str, Any], epoch: int, value: float, last: bool) -> bool:
        """A result. True: go on."""
        ...


def simulate(box: Box, method: Method) -> tuple[list[float], int, float]:
    """Regret at ``SHARES`` of the time, trials, and seconds of computing of the method."""
    heap: list[tuple[float, int, Any, Mapping[str, Any], int, int]] = []
    count, trials, computing_s, best = itertools.count(), 0, 0.0, float("inf")
    regret: list[float] = []
    for _ in range(WORKERS):
        trials, computing_s = _begin(box, method, heap, count, 0.0, trials, computing_s)
    while heap:
        now_s, _, trial, config, row, epoch = heapq.heappop(heap)
        while len(regret) < len(SHARES) and now_s > SHARES[len(regret)] * TIME_S:
            regret.append((min(best, box.worst) - box.best) / (box.middle - box.best))
        if now_s > TIME_S:
            break
        value = float(box.values[row, epoch - 1])
        best = min(best, value) if np.isfinite(value) else best
        diverged = not np.isfinite(value)
        began = time.process_time()
        go_on = method.tell(trial, config, epoch, box.worst if diverged else value, diverged or epoch == box.epochs)
        computing_s += time.process_time() - began
        if go_on and not diverged and epoch < box.epochs:
            heapq.heappush(heap, (now_s + box.seconds[row, epoch], next(count), trial, config, row, epoch + 1))
        else:
            trials, computing_s = _begin(box, method, heap, count, now_s, trials, computing_s)
    return regret, trials, computing_s


def _begin(
    box: Box, method: Method, heap: Any, count: Any, now_s: float, trials: int, spent_s: float
) -> tuple[int, float]:
    began = time.process_time()
    trial, config, epoch = method.ask()
    spent_s += time.process_time() - began
    row = box.row(config)
    heapq.heappush(heap, (now_s + box.seconds[row, epoch - 1], next(count), trial, config, row, epoch))
    return trials + (epoch == 1), spent_s


class Perch:
    """A strategy of Perch, called as its campaign does."""

    def __init__(self, box: Box, seed: int, spec: dict[str, Any]) -> None:
        from perch.dimension import Choice, Float, Int
        from perch.space import Space
        from perch.strategies.plan import Plan
        from perch.strategies.registry import build

        dimensions: dict[str, Any] = {}
        for name, d in box.space.items():
            k, log = d["domain_kwargs"], d["sampler_cls"] == "LogUniform"
            kinds = {"Float": Float, "Integer": Int}
            dimensions[name] = (
                Choice(tuple(k["categories"]))
                if "categories" in k
                else kinds[d["domain_cls"]](k["lower"], k["upper"], log)
            )
        space = Space(dimensions, {})
        self.strategy = build(spec, Plan(space=space, epochs=box.epochs, trials=None, seed=seed, workers=WORKERS))
        self.ordinal, self.now_s, self.epochs = 0, 0.0, box.epochs

    def ask(self) -> tuple[Any, Mapping[str, Any], int]:
        """The next trial; these strategies never wait."""
        new: Any = self.strategy.ask(self.now_s)
        name = f"{self.ordinal:05d}"
        self.strategy.applied({"e": "trial", "id": name, "i": self.ordinal, "config": new.config, "bracket": new.bracket,
                               "by": new.by, "seen": self.ordinal, "used_s": self.now_s})  # fmt: skip
        self.ordinal += 1
        return name, new.config, 1

    def tell(self, trial: Any, config: Mapping[str, Any], epoch: int, value: float, last: bool) -> bool:
        """The strategy's decision."""
        d: Any = self.strategy.tell(trial, epoch, value, self.now_s)
        action = "stop" if last else str(d.action)
        event = {
            "e": "result",
            "id": trial,
            "seg": 0,
            "epoch": epoch,
            "value": value,
            "d": action,
            "used_s": self.now_s,
        }
        self.strategy.applied(
            {**event, **{k: v for k in ("rung", "cutoff", "rank", "size") if (v := getattr(d, k)) is not None}}
        )
        return action != "stop"


class SyneTune:
    """A scheduler of Syne Tune, called as its tuner does."""

    def __init__(self, box: Box, seed: int, name: str) -> None:
        from syne_tune.config_space import config_space_from_json_dict
        from syne_tune.optimizer import baselines

        space = config_space_from_json_dict(box.space)
        given: dict[str, Any] = {"config_space": space, "random_seed": seed, "do_minimize": True}
        given |= (
            {"metrics": ["value"]}
            if name == "RandomSearch"
            else {"metric": "value", "time_attr": "epoch", "max_t": box.epochs}
        )
        self.scheduler, self.count = getattr(baselines, name)(**given), 0

    def ask(self) -> tuple[Any, Mapping[str, Any], int]:
        """The next trial."""
        import datetime

        from syne_tune.backend.trial_status import Trial

        suggestion = self.scheduler.suggest()
        trial = Trial(trial_id=self.count, config=suggestion.config, creation_time=datetime.datetime(2026, 1, 1))
        self.scheduler.on_trial_add(trial=trial)
        self.count += 1
        return trial, suggestion.config, 1

    def tell(self, trial: Any, config: Mapping[str, Any], epoch: int, value: float, last: bool) -> bool:
        """The scheduler's decision."""
        result = {"value": value, "epoch": epoch}
        decision = self.scheduler.on_trial_result(trial, result)
        if last:
            self.scheduler.on_trial_complete(trial, result)
        elif decision == "STOP":
            self.scheduler.on_trial_remove(trial)
        return bool(decision == "CONTINUE")


class Optuna:
    """A sampler of Optuna with its Hyperband pruner."""

    def __init__(self, box: Box, seed: int, sampler: Callable[[int], Any]) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=box.epochs, reduction_factor=3)
        self.study, self.box = optuna.create_study(sampler=sampler(seed), pruner=pruner), box

    def ask(self) -> tuple[Any, Mapping[str, Any], int]:
        """The next trial."""
        trial, config = self.study.ask(), {}
        for name, d in self.box.space.items():
            k, log = d["domain_kwargs"], d["sampler_cls"] == "LogUniform"
            if "categories" in k:
                config[name] = trial.suggest_categorical(name, k["categories"])
            elif d["domain_cls"] == "Float":
                config[name] = trial.suggest_float(name, k["lower"], k["upper"], log=log)
            else:
                config[name] = trial.suggest_int(name, k["lower"], k["upper"], log=log)
        return trial, config, 1

    def tell(self, trial: Any, config: Mapping[str, Any], epoch: int, value: float, last: bool) -> bool:
        """The pruner's decision."""
        import optuna

        trial.report(value, epoch)
        if last:
            self.study.tell(trial, value)
        elif trial.should_prune():
            self.study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return False
        return True


class Smac:
    """SMAC's multi-fidelity facade: Hyperband over epochs, a random forest proposes.

    Its budgets are rounded to whole epochs. A configuration that it asks for again, with a larger budget, goes on where it was.
    """

    def __init__(self, box: Box, seed: int) -> None:
        from ConfigSpace import (  # fmt: skip
            CategoricalHyperparameter,
            ConfigurationSpace,
            UniformFloatHyperparameter,
            UniformIntegerHyperparameter,
        )
        from smac import MultiFidelityFacade, Scenario

        space = ConfigurationSpace(seed=seed)
        for name, d in box.space.items():
            k, log = d["domain_kwargs"], d["sampler_cls"] == "LogUniform"
            if "categories" in k:
                space.add(CategoricalHyperparameter(name, k["categories"]))
            elif d["domain_cls"] == "Float":
                space.add(UniformFloatHyperparameter(name, k["lower"], k["upper"], log=log))
            else:
                space.add(UniformIntegerHyperparameter(name, k["lower"], k["upper"], log=log))
        self.folder = tempfile.TemporaryDirectory()
        scenario = Scenario(space, output_directory=Path(self.folder.name), deterministic=True, n_trials=1_000_000,
                            min_budget=1, max_budget=box.epochs, seed=seed)  # fmt: skip
        self.facade = MultiFidelityFacade(
            scenario, lambda config, seed, budget: 0.0, logging_level=False, overwrite=True
        )
        self.reached: dict[Any, int] = {}

    def ask(self) -> tuple[Any, Mapping[str, Any], int]:
        """A configuration with a budget."""
        info = self.facade.ask()
        return info, dict(info.config), self.reached.get(info.config, 0) + 1

    def tell(self, trial: Any, config: Mapping[str, Any], epoch: int, value: float, last: bool) -> bool:
        """On to the end of the budget, whose value is told."""
        from smac.runhistory.dataclasses import TrialValue

        if epoch < max(round(trial.budget), 1) and not last:
            return True
        self.reached[trial.config] = epoch
        self.facade.tell(trial, TrialValue(cost=value), save=False)
        return False


def methods() -> dict[str, Callable[[Box, int], Method]]:
    """Every method by name."""
    import optuna

    found: dict[str, Callable[[Box, int], Method]] = {
        f"perch {name}": lambda box, seed, name=name: Perch(box, seed, {"name": name})  # type: ignore[misc]
        for name in ("rs", "median", "asha", "ahb")
    }
    for name in ("RandomSearch", "ASHA", "ASHABORE", "ASHACQR", "BOHB"):
        found[f"syne-tune {name}"] = lambda box, seed, name=name: SyneTune(box, seed, name)  # type: ignore[misc]
    found["smac MultiFidelity"] = Smac
    found["optuna TPE, Hyperband"] = lambda box, seed: Optuna(box, seed, lambda s: optuna.samplers.TPESampler(seed=s))
    found["optuna GP, Hyperband"] = lambda box, seed: Optuna(box, seed, lambda s: optuna.samplers.GPSampler(seed=s))
    return found


def compare(boxes: list[Box], seeds: int, only: list[str], minutes: float | None, out: Path) -> None:
    """Run what ``out`` lacks, a line for each task, seed and method; then show the blocks that every chosen method has."""
    chosen = {
        name: make
        for name, make in methods().items()
        if not only or any(name == o or name.startswith(f"{o} ") for o in only)
    }
    lines = map(json.loads, out.read_text(encoding="utf-8").splitlines() if out.is_file() else ())
    known = {(x["task"], x["seed"], x["method"]): x for x in lines}
    began = time.monotonic()
    with out.open("a", encoding="utf-8") as file:
        for seed, box, (name, make) in itertools.product(range(seeds), boxes, chosen.items()):
            if (box.name, seed, name) in known:
                continue
            if minutes is not None and time.monotonic() - began > 60 * minutes:
                break
            since = time.monotonic()
            regret, trials, computing_s = simulate(box, make(box, seed))
            line = {
                "task": box.name,
                "seed": seed,
                "method": name,
                "regret": regret,
                "trials": trials,
                "computing_s": computing_s,
            }
            known[box.name, seed, name] = line
            file.write(json.dumps(line) + "\n")
            file.flush()
            took_s = time.monotonic() - since
            print(f"{box.name}, seed {seed}, {name}: {trials} trials, {took_s:.0f} s", file=sys.stderr, flush=True)
    blocks = [(box.name, seed) for box, seed in itertools.product(boxes, range(seeds))]
    show({name: {b: known[*b, name] for b in blocks if (*b, name) in known} for name in chosen})


def show(found: dict[str, dict[tuple[str, int], dict[str, Any]]]) -> None:
    """The table, over the blocks that every method has. The interval of a rank is over tasks: their seeds are not independent."""
    blocks = sorted(set.intersection(*(set(lines) for lines in found.values())))
    tasks = sorted({task for task, _ in blocks})
    last = np.array([[lines[b]["regret"][-1] for b in blocks] for lines in found.values()])
    ranks = np.array([(last < row).sum(axis=0) + 0.5 * ((last == row).sum(axis=0) - 1) + 1 for row in last])
    print(f"\n{len(blocks)} blocks over {len(tasks)} tasks, {WORKERS} workers, {TIME_S / 3600:g} h")
    print(
        f"\n| method | regret at B/4, B/2, B | average rank at B (of {len(found)}) | trials | ms of computing a trial |\n"
        + "|---" * 5 + "|"
    )  # fmt: skip
    for (name, lines), row in zip(found.items(), ranks, strict=True):
        own = [lines[b] for b in blocks]
        by_task = np.array([np.mean([r for r, (t, _) in zip(row, blocks, strict=True) if t == task]) for task in tasks])
        half = 1.96 * by_task.std(ddof=1) / np.sqrt(len(tasks)) if len(tasks) > 1 else np.nan
        shown = ", ".join(f"{m:.3f}" for m in np.mean([x["regret"] for x in own], axis=0))
        trials = sum(x["trials"] for x in own)
        cost_ms = 1e3 * sum(x["computing_s"] for x in own) / trials
        print(f"| {name} | {shown} | {by_task.mean():.2f} ± {half:.2f} | {trials / len(own):.0f} | {cost_ms:.2f} |")


def made_up(configs: int, epochs: int, folder: Path) -> Box:
    """A box of power laws that fall to different ends at different rates, with noise; epochs of 3 to 30 seconds."""
    from perch.dimension import Int
    from perch.rehearse.tables.export import export
    from perch.rehearse.tables.table import COMPLETED, Table
    from perch.space import Space

    random = np.random.default_rng(0)
    x, rate, pace = random.random((3, configs, 1))
    values = (
        x + (1 + rate) * np.arange(1, epochs + 1) ** -(0.3 + rate) + 0.01 * random.standard_normal((configs, epochs))
    )
    rows = np.arange(configs)
    table = Table(
        name=f"{configs}x{epochs}",
        space=Space({"row": Int(0, configs - 1), "half": Int(0, configs // 2)}, {}),
        configs=tuple({"row": row, "half": row // 2} for row in rows.tolist()),
        config_of=rows,
        values=values,
        seconds=np.broadcast_to(3 * 10**pace, values.shape),
        fates=(COMPLETED,) * configs,
        weights=np.ones(configs),
        metric="loss",
    )
    export(table, folder)
    return Box(folder)


def speed(box: Box, rounds: int, workers: int, draws: int | None) -> None:
    """Both simulators by turns: ASHA on the recorded configurations, as many trials of each. The first round only warms up."""
    ours, theirs = [], []
    trials = draws or len(box.values)
    for k in range(rounds + 1):
        ours.append(_our_simulator(box, k, workers, trials))
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            os.environ["SYNETUNE_FOLDER"] = folder
            theirs.append(_their_simulator(box, k, workers, trials))
        pace = [
            f"{begun} trials, {epochs} epochs, {1e3 * s / begun:.3f} ms a trial"
            for begun, epochs, s in (ours[-1], theirs[-1])
        ]
        print(f"{'warm-up' if k == 0 else f'round {k}'}: perch {pace[0]}; syne-tune {pace[1]}", flush=True)
    mine, other = (np.array([1e3 * s / begun for begun, _, s in found[1:]]) for found in (ours, theirs))
    ratio = other / mine
    print(
        f"median: perch {np.median(mine):.3f} ms, syne-tune {np.median(other):.3f} ms of computing a trial; ratio {np.median(ratio):.0f} ({ratio.min():.0f} to {ratio.max():.0f})"
    )


def _our_simulator(box: Box, seed: int, workers: int, trials: int) -> tuple[int, int, float]:
    """Trials, epochs, seconds of computing."""
    from perch.dimension import Choice
    from perch.simulate import Curves, simulate
    from perch.space import Space
    from perch.strategies.plan import Plan
    from perch.strategies.registry import build

    values, seconds = box.values.tolist(), box.seconds.tolist()

    class Recorded(Curves):
        def value(self, config: Mapping[str, Any], trial: str, epoch: int) -> float:
            return values[config["row"]][epoch - 1]

        def seconds(self, config: Mapping[str, Any], trial: str, epoch: int) -> float:
            return seconds[config["row"]][epoch - 1]

    space = Space({"row": Choice(tuple(range(len(values))))}, {})
    plan = Plan(space=space, epochs=box.epochs, trials=trials, seed=seed, workers=workers)
    began, counted = time.process_time(), collections.Counter[str]()
    for event in simulate(build({"name": "asha"}, plan), Recorded(), workers=workers, epochs=box.epochs):
        counted[event["e"]] += 1
    return counted["trial"], counted["result"], time.process_time() - began


def _their_simulator(box: Box, seed: int, workers: int, trials: int) -> tuple[int, int, float]:
    """Trials, epochs, seconds of computing, until it has begun the last recorded configuration."""
    from syne_tune import StoppingCriterion, Tuner
    from syne_tune.backend.simulator_backend.simulator_callback import SimulatorCallback
    from syne_tune.blackbox_repository.blackbox_tabular import deserialize
    from syne_tune.blackbox_repository.simulated_tabular_backend import UserBlackboxBackend
    from syne_tune.optimizer.baselines import ASHA

    (blackbox,) = deserialize(str(box.folder)).values()
    points = blackbox.all_configurations()
    random = np.random.default_rng(seed)
    random.shuffle(points)
    points += [points[k] for k in random.integers(len(points), size=max(trials - len(points), 0))]
    scheduler = ASHA(config_space=blackbox.configuration_space, metric=box.metric, time_attr="hp_epoch", max_t=box.epochs,
                     random_seed=seed, points_to_evaluate=points, do_minimize=box.values[0, 0] >= 0)  # fmt: skip
    backend = UserBlackboxBackend(blackbox=blackbox, elapsed_time_attr="metric_elapsed_time")
    stop = StoppingCriterion(max_num_trials_started=trials - workers)
    tuner = Tuner(trial_backend=backend, scheduler=scheduler, n_workers=workers, sleep_time=0, callbacks=[SimulatorCallback()],
                  stop_criterion=stop, print_update_interval=1e9, results_update_interval=1e9, save_tuner=False)  # fmt: skip
    began = time.process_time()
    tuner.run()
    spent_s = time.process_time() - began
    status = tuner.tuning_status
    epochs = sum(int(row.get("hp_epoch", 0)) for row in status.trial_rows.values())
    return len(status.trial_rows), epochs, spent_s


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("boxes", metavar="BOX", nargs="+")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--out", type=Path, default=Path("peers.jsonl"), help="results so far; what it has is not run again"
    )
    parser.add_argument(
        "--only", action="append", default=[], help="a method, or all of perch, syne-tune or optuna; may be repeated"
    )
    parser.add_argument("--minutes", type=float, help="begin no further block (a task with a seed) after so long")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--workers", type=int, default=WORKERS, help="simulated workers, for --speed")
    parser.add_argument("--draws", type=int, help="trials, for --speed (default: as many as configurations)")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    sys.path.insert(0, str(Path(__file__).parents[1] / "app"))
    if options.speed:
        with tempfile.TemporaryDirectory() as folder:
            size = re.fullmatch(r"(\d+)x(\d+)", options.boxes[0])
            box = made_up(int(size[1]), int(size[2]), Path(folder)) if size else Box(Path(options.boxes[0]))
            speed(box, options.seeds, options.workers, options.draws)
    else:
        boxes = [Box(Path(folder)) for folder in options.boxes]
        compare(boxes, options.seeds, options.only, options.minutes, options.out)


if __name__ == "__main__":
    main()
