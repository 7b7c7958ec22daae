"""Three ways to start Ray under Slurm, side by side in one run on the lab: ours, ``ray symmetric-run``, scripts with sleeps.

    make slurm-launch-benchmark        (python -m benchmarks.slurm_launch [--rounds 3] [--json FILE])

Each is a job of two nodes with the same SIF and the same driver, which puts an actor on every CPU and ends while all of them
are at work. Seconds are between time stamps of the batch script and of the driver; the three take turns, medians are shown.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import shutil
import statistics
import time
from pathlib import Path
from typing import Final

from tests.e2e.slurm.cluster import REPOSITORY, Cluster, find, missing, podman, program

from perch.clusters.slurm.script import render
from perch.clusters.slurm.site import Site

HEADER: Final = """#!/bin/bash
#SBATCH --job-name=bench-{name}
#SBATCH --nodes={nodes} --ntasks-per-node=1 --cpus-per-task=1 --mem=2G --time=10
#SBATCH --output=%x-%j.out
"""
CONTAINER: Final = 'apptainer exec --cleanenv --no-home --bind "{binds}" {sif}'
SYMMETRIC: Final = """
head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n1)
ip=$(getent hosts "$head" | head -n1 | cut -d' ' -f1)
srun {container} ray symmetric-run --address "$ip:6379" --min-nodes {nodes} --num-cpus 1 -- python {driver} {words}
"""
CLASSIC: Final = """
nodes=($(scontrol show hostnames "$SLURM_JOB_NODELIST"))
ip=$(getent hosts "${{nodes[0]}}" | head -n1 | cut -d' ' -f1)
srun --overlap --nodes=1 --ntasks=1 -w "${{nodes[0]}}" {container} \\
  ray start --head --node-ip-address="$ip" --port=6379 --num-cpus 1 --block &
sleep 20
for ((i = 1; i < ${{#nodes[@]}}; i++)); do
  srun --overlap --nodes=1 --ntasks=1 -w "${{nodes[i]}}" {container} ray start --address "$ip:6379" --num-cpus 1 --block &
  sleep 5
done
sleep 15
{container} python {driver} {words}
"""
HANGS_S: Final = 120
"""A second job that has not ended by then will not."""

STRANGER: Final = """
import ray, sys
try:
    ray.init(address=sys.argv[1], logging_level="ERROR", log_to_driver=False)
    print("connected to", len(ray.nodes()), "nodes")
except Exception as error:
    print("refused:", type(error).__name__)
"""


WAYS: Final = ("perch", "symmetric-run", "sleeps")


def script(cluster: Cluster, way: str, words: str, nodes: int) -> str:
    """A way's batch script, with a time stamp at either end."""
    if way == "perch":
        job = program(cluster, *words.split(), run_id="bench", nodes=nodes)
        text = render(job, Site()).replace(
            "set -euo pipefail\n", 'echo "clock: job $(date +%s.%N)"\nset -euo pipefail\n', 1
        )
        return text.replace('\nexit "$code"\n', '\necho "clock: done $(date +%s.%N)"\nexit "$code"\n')
    container = CONTAINER.format(binds=cluster.there, sif=cluster.sif)
    body = {"symmetric-run": SYMMETRIC, "sleeps": CLASSIC}[way]
    body = body.format(container=container, nodes=nodes, driver=cluster.there / "driver.py", words=words)
    stamps = 'echo "clock: job $(date +%s.%N)"\n', 'code=$?\necho "clock: done $(date +%s.%N)"\nexit $code\n'
    return HEADER.format(name=way, nodes=nodes) + stamps[0] + body + stamps[1]


def submit(cluster: Cluster, way: str, words: str, *options: str, nodes: int = 2) -> str:
    """Submit one job of a way."""
    path = cluster.here / f"{way}.sbatch"
    path.write_text(script(cluster, way, words, nodes))
    return cluster.submit(cluster.there / path.name, *options)


def clocks(cluster: Cluster, job: str) -> dict[str, float]:
    """The time stamps in a job's output."""
    return {name: float(stamp) for name, stamp in re.findall(r"clock: (\w+) ([\d.]+)", cluster.output(job))}


def timed(cluster: Cluster, way: str) -> dict[str, float]:
    """Seconds to start and to end of one undisturbed job."""
    job = submit(cluster, way, "exit 0")
    cluster.wait(job, timeout_s=600)
    at = clocks(cluster, job)
    if not {"job", "trials", "end", "done"} <= set(at):
        return {}
    return {"start_s": at["trials"] - at["job"], "end_s": at["done"] - at["end"]}


def neighbour(cluster: Cluster, way: str) -> dict[str, str]:
    """A second job on the node of the first, and a stranger without the token."""
    first = submit(cluster, way, f"until {cluster.there}/enough-{way}", "-w", "node1", nodes=1)
    flag = cluster.here / f"enough-{way}"
    flag.unlink(missing_ok=True)
    cluster.says(first, "trials at work", timeout_s=300)
    stranger = cluster.here / "stranger.py"
    stranger.write_text(STRANGER)
    listening = podman("exec", "slurm-node1", "ss", "-ltnHp").stdout
    gcs = next(line.split()[3] for line in listening.splitlines() if "gcs_server" in line)
    ip = podman("exec", "slurm-node1", "hostname", "-i").stdout.split()[0]
    address = f"{ip if gcs[0] in '*0[' else gcs.rpartition(':')[0]}:{gcs.rpartition(':')[2]}"
    inside = ["apptainer", "exec", "--cleanenv", "--no-home", "--bind", str(cluster.there), str(cluster.sif)]
    answer = podman(
        "exec",
        "-u",
        "user",
        "-w",
        "/tmp",
        "slurm-node1",
        *inside,
        "timeout",
        "60",
        "python",
        str(cluster.there / "stranger.py"),
        address,
        check=False,
    )
    second = submit(cluster, way, "exit 0", "-w", "node1", nodes=1)
    try:
        ending = f"code {cluster.wait(second, timeout_s=HANGS_S)}"
    except AssertionError:  # it sits on the first job's Ray and waits for its CPUs
        ending = f"hangs, cancelled after {HANGS_S} s"
        cluster.run("scancel", second)
    seen = re.findall(r"driver: (\d+) nodes, (\d+) CPUs", cluster.output(second))
    first_lives = cluster.state(first) == "RUNNING"
    flag.touch()
    end = cluster.wait(first, timeout_s=300)
    return {
        "second_job": f"{ending}, sees {seen[0][0] + ' node' if seen else 'no Ray'}",
        "first_job": f"{'went on' if first_lives else 'died'}, code {end}",
        "without_token": (answer.stdout.strip().splitlines() or ["refused: no answer in 60 s"])[-1],
    }


def main() -> None:
    """Measure, print a table, keep the numbers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3, help="0: no times, only codes, neighbours and strangers")
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS)
    parser.add_argument("--json", type=Path, default=REPOSITORY / "benchmarks" / "results" / "slurm_launch.json")
    options = parser.parse_args()
    if reason := missing():
        raise SystemExit(f"slurm_launch: {reason}")
    cluster = find("perch-bench")
    shutil.copy(REPOSITORY / "tests" / "e2e" / "slurm" / "driver.py", cluster.here / "driver.py")
    ways = options.ways
    rounds = [{way: timed(cluster, way) for way in ways} for _ in range(options.rounds)]
    rows = {}
    for way in ways:
        done = [one[way] for one in rounds if one[way]]
        medians = (
            {key: round(statistics.median(one[key] for one in done), 1) for key in ("start_s", "end_s")} if done else {}
        )
        failing = cluster.wait(submit(cluster, way, "exit 7"), timeout_s=600)
        rows[way] = medians | {"rounds": len(done), "driver_exits_7": failing} | neighbour(cluster, way)
        print(way, json.dumps(rows[way]), flush=True)
    result = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": platform.processor() or platform.machine(),
        "rows": rows,
        "rounds": rounds,
    }
    options.json.parent.mkdir(exist_ok=True)
    options.json.write_text(json.dumps(result, indent=1) + "\n")
    keys = ("start_s", "end_s", "driver_exits_7", "second_job", "first_job", "without_token")
    print("| | " + " | ".join(ways) + " |\n|---" * 1 + "|---" * len(ways) + "|")
    for key in keys:
        print(f"| {key} | " + " | ".join(str(rows[way].get(key, "–")) for way in ways) + " |")


if __name__ == "__main__":
    main()
