"""Memory of workers on one node, with graphs of their own and with graphs that they share, and whether they train alike.

    python benchmarks/shared_graphs.py [--structures 4000] [--atoms 18] [--workers 2]

Each worker is a process that trains an epoch on the same slabs. Printed is what a worker holds beyond its imports, as its share of
what is resident (PSS, /proc/PID/smaps_rollup), seconds until its data are there, and its validation error.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import time
import warnings
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from epoch import CONFIG, prepared

from perch.data.graphs import store
from perch.data.graphs.graph import Graphs


def proportional_bytes() -> int:
    """The share of this process of what is resident: pages that it shares with others are divided among them."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024


def worker(data: Any, folder: Path, cache: Path | None, config: dict[str, Any], pipe: Any) -> None:
    """Train an epoch; report when the others have, too."""
    warnings.filterwarnings("ignore", category=FutureWarning)
    from perch.training.loop import Training
    from perch.training.tensors import flat_data

    stored = store.read(folder)
    assert stored is not None
    data = replace(data, graphs=Graphs(**stored.arrays, cutoff_angstrom=6.0, max_neighbors=12), cache=cache)
    flat_data(replace(data, fingerprint="warm", graphs=small(data.graphs), cache=None), "mean", torch_cpu())
    began, before = time.perf_counter(), proportional_bytes()
    training = Training(data, config, epochs=10, seed=0, key="shared", device="cpu", threads=1)
    ready_s = time.perf_counter() - began
    touched = sum(float(t.sum()) for t in vars(training.data).values() if hasattr(t, "untyped_storage"))
    pipe.send("there")
    pipe.recv()
    there = proportional_bytes() - before
    error = training.epoch()["validation_mae_ev"]
    pipe.send("trained")
    pipe.recv()
    trained = proportional_bytes() - before
    pipe.send(
        {
            "data_bytes": there,
            "trained_bytes": trained,
            "ready_s": round(ready_s, 2),
            "validation_mae_ev": error,
            "sum": touched,
        }
    )
    pipe.recv()


def torch_cpu() -> Any:
    """The processor as torch's device."""
    import torch

    return torch.device("cpu")


def small(graphs: Graphs) -> Graphs:
    """The first structures: what is imported and allocated once is there before anything is measured."""
    end = int(graphs.start[4])
    cut = {
        f.name: getattr(graphs, f.name)[:end]
        for f in fields(Graphs)
        if f.name in ("numbers", "neighbors", "distances", "mask")
    }
    flags = {name: getattr(graphs, name)[:end] for name in ("adsorbate", "surface", "fixed")}
    return replace(graphs, start=graphs.start[:5], target_ev=graphs.target_ev[:4], **cut, **flags)


def workers(data: Any, folder: Path, cache: Path | None, number: int, config: dict[str, Any]) -> list[dict[str, Any]]:
    """What so many workers report, all alive at the same time."""
    context = multiprocessing.get_context("spawn")
    ends = [context.Pipe() for _ in range(number)]
    processes = [context.Process(target=worker, args=(data, folder, cache, config, theirs)) for _, theirs in ends]
    for process in processes:
        process.start()
    found: list[dict[str, Any]] = []
    for _turn in ("the data are there", "they have trained", "they have looked"):
        found = [mine.recv() for mine, _ in ends]
        for mine, _ in ends:
            mine.send("go on")
    for process in processes:
        process.join()
    return found


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--structures", type=int, default=4000)
    parser.add_argument("--atoms", type=int, default=18)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    data = prepared(asked.atoms, asked.structures * 7 // 8, asked.structures // 8)
    arrays = {f.name: getattr(data.graphs, f.name) for f in fields(Graphs)}
    arrays = {name: values for name, values in arrays.items() if isinstance(values, np.ndarray)}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "graphs"
        store.write(folder, arrays, {})
        light = replace(data, graphs=small(data.graphs))
        config = {**CONFIG, "batch_size": 64}
        found: dict[str, Any] = {"structures": asked.structures, "atoms": asked.atoms, "workers": asked.workers}
        for name, cache in (("own", None), ("shared", Path(scratch)), ("shared_next", Path(scratch))):
            said = workers(light, folder, cache, asked.workers, config)
            found[name] = said
            for what in ("data", "trained"):
                found[f"{name}_{what}_mb_in_all"] = round(sum(one[f"{what}_bytes"] for one in said) / 1e6, 1)
        errors = {one["validation_mae_ev"] for name in ("own", "shared", "shared_next") for one in found[name]}
        kept = sum(file.stat().st_size for file in (Path(scratch) / "tensors").rglob("*.npy"))
        found.update(kept_mb=round(kept / 1e6, 1), alike=len(errors) == 1)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
