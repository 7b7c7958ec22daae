"""A kill storm: one run killed again and again at random instants, then compared with what its log says must hold.

    python benchmarks/storm.py --strategy asha --kills 20
    python benchmarks/storm.py --strategy rs --epoch-s 20 --epochs 9 --trials 12 --insure 60s    # at real time scales

Each kill is a ``kill -9`` of the command with all of Ray, of the command alone, of one worker, or of Ray alone; now and
then the end of the log is torn off as well. Afterwards: no reported epoch lost or doubled, every value equal to that of
weights recomputed from scratch (a wrong checkpoint shows), decisions of the log equal to those that the strategy makes
when the log is replayed into it, and rungs recomputed from the results equal to the strategy's.

With ``--insure`` two of five interruptions are a SIGTERM that is followed by nothing for a minute, and the work that was
done twice is held against its bounds: nothing after a SIGTERM, else at most the insurance interval and an epoch a trial.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from command import run_command

from perch.fields import seconds
from perch.log.events import attempts, file_of, read
from perch.log.folder import RunFolder
from perch.log.state import State
from perch.log.study_file import load_study
from perch.runs.strategy import build_strategy

TOY = Path(__file__).parent.parent / "tests" / "integration" / "runs" / "study" / "toy_trainable.py"
STUDY = """
name: storm
trainable: toy_trainable:Toy
space: {{x: {{float: [0, 1]}}, lr: {{float: [0.001, 0.1], log: true}}}}
metric: loss
epochs: {epochs}
budget: {{trials: {trials}}}
confirm: {{top: 2, seeds: 1}}
strategy: {strategy}
checkpoints: {checkpoints}
log: []
"""
WORKERS = len(os.sched_getaffinity(0))
SETTINGS = {"pbt": "{name: pbt, perturbation_interval: 3, population_size: 16}"}


def results(folder: RunFolder) -> list[dict]:
    return [e for e in read(folder.events) if e["e"] == "result"] if folder.events.is_dir() else []


def start(study: Path, out: Path, log: Path, epoch_s: float) -> subprocess.Popen:
    command = run_command(study, out, "storm")
    with log.open("a") as file:
        return subprocess.Popen(
            command, stdout=file, stderr=file, start_new_session=True, env={**os.environ, "TOY_S": str(epoch_s)}
        )


def family(process: subprocess.Popen) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def end(processes: list[psutil.Process]) -> None:
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(processes, timeout=20)


def strike(process: subprocess.Popen, folder: RunFolder, rng: random.Random, warned: bool) -> str:
    """One kill; returns what was killed. Ends with the command gone. ``warned``: it may be a SIGTERM, with time to leave."""
    kinds = ["all", "command", "ray", "worker", "term"]
    kind = rng.choices(kinds, [5, 2, 2, 2, 7 if warned else 0])[0]
    if kind == "term":
        process.terminate()
        process.wait(timeout=600)
        return kind
    psutil.Process(process.pid).suspend()
    children = family(process)
    if kind == "worker":
        workers = [c for c in children if "ray::" in " ".join(c.cmdline())]
        end(rng.sample(workers, min(1, len(workers))))
        psutil.Process(process.pid).resume()
        time.sleep(rng.uniform(0.0, 2.0))  # the run goes on; then all of it is killed
        children = family(process)
        process.kill()
        end(children)
    elif kind == "ray":
        end([c for c in children if "gcs_server" in " ".join(c.cmdline()) or "raylet" in " ".join(c.cmdline())])
        psutil.Process(process.pid).resume()
        process.wait(timeout=60)
        end(children)
    else:
        process.kill()
        if kind == "all":
            end(children)
        else:
            psutil.wait_procs(children, timeout=60)
    process.wait()
    if rng.random() < 0.3:
        path = file_of(folder.events, max(attempts(folder.events)))
        size = path.stat().st_size
        with path.open("rb+") as file:
            file.truncate(max(size - rng.randint(1, 30), 0))
        kind += ", torn"
    return kind


def verify(folder: RunFolder, strategy: str) -> dict:
    """Recompute everything that the log claims; returns counts and a list of what is wrong."""
    study = load_study(folder)
    state = State(build_strategy(study), study.epochs)
    wrong: list[str] = []
    seen: set[tuple[str, int, int]] = set()
    weights: dict[tuple[str, int, int], float] = {}
    configs: dict[str, dict] = {}
    now: dict[str, tuple[int, int]] = {}
    decisions = exploits = 0
    for event in read(folder.events):
        if event["e"] == "trial":
            if event["id"] in configs:
                wrong.append(f"trial {event['id']} began twice")
            configs[event["id"]], now[event["id"]] = event["config"], (0, 0)
        if event["e"] == "result":
            trial, segment, epoch = event["id"], event["seg"], event["epoch"]
            if (trial, segment, epoch) in seen:
                wrong.append(f"{trial}/{segment}/{epoch} twice")
            if (segment, epoch) != (now[trial][0], now[trial][1] + 1):
                wrong.append(f"{trial}: {segment}/{epoch} after {now[trial]}")
            seen.add((trial, segment, epoch))
            w = weights.get((trial, segment, epoch - 1), 0.0) + 1 / (1 + 8 * abs(configs[trial]["x"] - 0.3))
            weights[(trial, segment, epoch)] = w
            if abs(event["m"]["weight"] - w) > 1e-9:
                wrong.append(f"{trial}/{segment}/{epoch}: weight {event['m']['weight']} instead of {w}")
            if state.phase_of(trial) == "search":
                again = state.strategy.tell(trial, epoch, event["value"], event["used_s"])
                decisions += 1
                if (
                    str(again.action) != event["d"]
                    or again.cutoff != event.get("cutoff")
                    or again.rank != event.get("rank")
                ):
                    wrong.append(f"{trial}/{segment}/{epoch}: log says {event['d']}, replay {again.action}")
            now[trial] = (segment, epoch)
            if x := event.get("x"):
                exploits += 1
                configs[trial], now[trial] = x["config"], (segment + 1, x["epoch"])
                weights[(trial, segment + 1, x["epoch"])] = weights[(x["donor"], x["seg"], x["epoch"])]
        state.apply(event)
    return {
        "attempts": state.attempt, "trials": state.started, "results": len(seen), "decisions": decisions,
        "exploits": exploits, "closed": state.closed, "live": len([t for t in state.live.values() if t.status == "running"]),
        "wrong": wrong,
    }  # fmt: skip


def done_twice(folder: RunFolder) -> dict:
    """Epochs that were trained again after each interruption, in all trials together, and what saving cost."""
    after: list[int] = []
    saving_s = training_s = 0.0
    for event in read(folder.events):
        if event["e"] == "attempt" and event["n"] > 1:
            after.append(0)
        if event["e"] == "spent":
            saving_s, training_s = saving_s + event["checkpointing_s"], training_s + event["training_s"]
            if after:
                after[-1] += event.get("redone", 0)
    return {"redone_epochs_after": after, "share_saving": round(saving_s / max(training_s, 1e-9), 5)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strategy", default="asha")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epoch-s", type=float, default=0.03)
    parser.add_argument("--epochs", type=int, default=27)
    parser.add_argument("--insure", help="the longest that a trial trains unsaved, such as 60s")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch)
        (base / "toy_trainable.py").write_text(TOY.read_text())
        study = base / "study.yaml"
        name = SETTINGS.get(arguments.strategy, arguments.strategy)
        study.write_text(
            STUDY.format(
                strategy=name,
                trials=arguments.trials,
                epochs=arguments.epochs,
                checkpoints=f"{{insure: {arguments.insure}}}" if arguments.insure else "needed",
            )
        )
        folder = RunFolder(base / "out" / "storm")
        kills: list[str] = []
        while True:
            process = start(study, base / "out", base / "log", arguments.epoch_s)
            more = (
                [rng.randint(1, 6)]
                if arguments.insure
                else [rng.randint(1, 6), rng.randint(5, 40), rng.randint(20, 80)]
            )
            goal = len(results(folder)) + rng.choice(more)
            while process.poll() is None and (len(kills) >= arguments.kills or len(results(folder)) < goal):
                time.sleep(0.01)
            if process.poll() is not None:
                break
            if arguments.insure:
                time.sleep(rng.uniform(0.0, arguments.epoch_s))
            kills.append(strike(process, folder, rng, bool(arguments.insure)))
            print(f"kill {len(kills)}: {kills[-1]}, {len(results(folder))} results", flush=True)
        found = {**verify(folder, arguments.strategy), **done_twice(folder)}
        if arguments.insure:
            most = WORKERS * (seconds(arguments.insure) / arguments.epoch_s + 1)
            for kind, again in zip(kills, found["redone_epochs_after"], strict=False):
                if again > (0 if kind == "term" else most):
                    found["wrong"].append(f"{again} epochs trained again after {kind}")
        print(
            json.dumps(
                {
                    "strategy": arguments.strategy,
                    "kills": len(kills),
                    "machine": platform.processor() or platform.machine(),
                    **found,
                }
            )
        )
        if process.returncode != 0 or found["wrong"] or found["closed"] != "done":
            print((base / "log").read_text()[-3000:], file=sys.stderr)
            sys.exit(1)


if __name__ == "__main__":
    main()
