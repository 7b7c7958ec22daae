"""A program on the job's Ray that does what its arguments say: 'exit 7', 'wait' (for a stop), 'until FILE NODES'."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import ray


@ray.remote(num_cpus=1)
class Trial:
    """Holds a CPU as long as the job lasts."""

    def work(self) -> None:
        """Never ends by itself."""
        threading.Event().wait()


def living() -> list[str]:
    """Names of the nodes that Ray takes to be alive."""
    return [node["NodeName"] for node in ray.nodes() if node["Alive"]]


def main(what: str, argument: str = "0", nodes: str = "0") -> int:
    """Connect, put an actor on every CPU, then do what was asked. 'until': FILE is there, and Ray has as many NODES."""
    print(f"clock: driver {time.time():.2f}", flush=True)
    ray.init(address=os.environ.get("RAY_ADDRESS", "auto"), log_to_driver=False, logging_level="WARNING")
    asked = threading.Event()
    signal.signal(signal.SIGUSR1, lambda *_: asked.set())
    alive = living()
    cpus, gpus = (int(ray.cluster_resources().get(name, 0)) for name in ("CPU", "GPU"))
    trials = [Trial.remote() for _ in range(cpus)]
    ray.get([trial.__ray_ready__.remote() for trial in trials])
    pending = [trial.work.remote() for trial in trials]
    print(f"driver: {len(alive)} nodes, {cpus} CPUs, {gpus} GPUs, {len(pending)} trials at work", flush=True)
    print(f"clock: trials {time.time():.2f}", flush=True)
    print(f"driver: until {os.environ.get('PERCH_END_TIME')}", flush=True)
    if what == "wait":
        while not asked.wait(0.1):
            pass
        print("driver: state saved", flush=True)
        return 75
    if what == "until":
        while not Path(argument).exists() or len(living()) != int(nodes):
            asked.wait(0.1)
        print(f"driver: {nodes} nodes at the end", flush=True)
        return 0
    return int(argument)


if __name__ == "__main__":
    number = main(*sys.argv[1:])
    print(f"clock: end {time.time():.2f}", flush=True)
    sys.stdout.flush()
    os._exit(number)
