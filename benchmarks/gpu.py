"""Everything that is to be measured on a GPU, in one command that prints one JSON object. Made for under eight minutes.

    python benchmarks/gpu.py                          # on the GPU of this machine
    python benchmarks/gpu.py --device cpu --tiny      # the same code on a CPU, at sizes of seconds: its figures mean nothing

What it holds: seconds per epoch of Perch beside PyTorch Geometric's ``CGConv`` with its ``DataLoader`` and the dense layout of the
CGCNN reference code (a row for each of the 12 neighbours of each atom), all in turns; what of an epoch the device is at work, and how
near the operation that takes most of it comes to its roofline; peak memory beside what was predicted; 1, 2, 4 and 8 trials on one
device; a trial out of memory next to one that goes on; agreement with the CPU, with TF32 and without. Each part that fails says so in its place, and the exit code is then 1.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from epoch import CONFIG, LAYERS, WIDTH, prepared
from roofline import Counted, ceilings, fraction

from perch.training.assigned import take_device
from perch.training.device import describe, peak_memory_bytes
from perch.training.loop import Training

Epoch = Callable[[], object]


def perch_side(data: Any, device: str, batch: int, tf32: bool = True) -> Epoch:
    """One epoch of Perch, evaluation included."""
    config = {**CONFIG, "batch_size": batch}
    training = Training(data, config, epochs=1000, seed=0, key="gpu", device=device, threads=1, tf32=tf32)
    return training.epoch


def pyg_side(data: Any, device: str, batch: int) -> Epoch:
    """One epoch with PyTorch Geometric as its examples are written."""
    from torch_geometric.data import Data
    from torch_geometric.loader import DataLoader
    from torch_geometric.nn import CGConv, global_mean_pool

    g, features, target, centers = _parts(data)
    items = []
    for n in range(len(g)):
        part = slice(g.start[n], g.start[n + 1])
        receiver, place = np.nonzero(g.mask[part])
        ends = torch.tensor(np.stack([g.neighbors[part][receiver, place] - g.start[n], receiver]))
        edges = _expanded(torch.tensor(g.distances[part][receiver, place]), centers)
        items.append(Data(x=features[part], edge_index=ends, edge_attr=edges, y=target[n : n + 1]))
    train = len(data.splits[0].train)
    loaders = DataLoader(items[:train], batch, shuffle=True), DataLoader(items[train:], batch)

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = torch.nn.Linear(features.shape[1], WIDTH)
            self.convolutions = torch.nn.ModuleList(
                CGConv(WIDTH, dim=len(centers), batch_norm=True) for _ in range(LAYERS)
            )
            self.hidden, self.out = torch.nn.Linear(WIDTH, 128), torch.nn.Linear(128, 1)

        def forward(self, b: Any) -> torch.Tensor:
            x = self.embedding(b.x)
            for convolution in self.convolutions:
                x = convolution(x, b.edge_index, b.edge_attr)
            pooled = torch.nn.functional.softplus(global_mean_pool(x, b.batch))
            return self.out(torch.nn.functional.softplus(self.hidden(pooled))).squeeze(1)

    def batches(training: bool) -> Any:
        return ((b.to(device), b.y.to(device)) for b in loaders[not training])

    return _plain_epoch(Net().to(device), batches)


def dense_side(data: Any, device: str, batch: int) -> Epoch:
    """One epoch with the layout of the CGCNN reference code: (atoms, places for neighbours, features), padding computed along."""
    g, features, target, centers = _parts(data)
    atoms = int(np.diff(g.start).max())
    places = g.neighbors.shape[1]

    class Convolution(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = torch.nn.Linear(2 * WIDTH + len(centers), 2 * WIDTH)
            self.norm_1, self.norm_2 = torch.nn.BatchNorm1d(2 * WIDTH), torch.nn.BatchNorm1d(WIDTH)

        def forward(self, x: torch.Tensor, neighbors: torch.Tensor, bonds: torch.Tensor) -> torch.Tensor:
            own = x.unsqueeze(1).expand(-1, places, -1)
            rows = self.linear(torch.cat([own, x[neighbors], bonds], dim=2))
            gate, core = self.norm_1(rows.view(-1, 2 * WIDTH)).view(-1, places, 2 * WIDTH).chunk(2, dim=2)
            total = (torch.sigmoid(gate) * torch.nn.functional.softplus(core)).sum(1)
            return torch.nn.functional.softplus(x + self.norm_2(total))

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = torch.nn.Linear(features.shape[1], WIDTH)
            self.convolutions = torch.nn.ModuleList(Convolution() for _ in range(LAYERS))
            self.hidden, self.out = torch.nn.Linear(WIDTH, 128), torch.nn.Linear(128, 1)

        def forward(self, b: tuple[torch.Tensor, ...]) -> torch.Tensor:
            x, neighbors, bonds, count = self.embedding(b[0]), b[1], b[2], int(b[3])
            for convolution in self.convolutions:
                x = convolution(x, neighbors, bonds)
            pooled = torch.nn.functional.softplus(x.view(count, atoms, -1).mean(1))
            return self.out(torch.nn.functional.softplus(self.hidden(pooled))).squeeze(1)

    train = len(data.splits[0].train)
    first = torch.arange(atoms)

    def batches(training: bool) -> Any:
        rows = torch.randperm(train) if training else torch.arange(train, len(g))
        for part in torch.split(rows, batch):
            picked = (part[:, None] * atoms + first).view(-1)
            shift = (torch.arange(len(part)) - part).repeat_interleave(atoms)[:, None] * atoms
            neighbors = torch.tensor(g.neighbors)[picked] + shift
            bonds = _expanded(torch.tensor(g.distances)[picked], centers)
            sent = [t.to(device) for t in (features[picked], neighbors, bonds)]
            yield (*sent, torch.tensor(len(part))), target[part].to(device)

    return _plain_epoch(Net().to(device), batches)


def _parts(data: Any) -> tuple[Any, torch.Tensor, torch.Tensor, torch.Tensor]:
    from perch.training.tensors import graph_features

    g = data.graphs
    target = torch.tensor((g.target_ev - g.target_ev.mean()) / g.target_ev.std(), dtype=torch.float32)
    return g, torch.tensor(graph_features(g, "cgcnn")), target, torch.arange(31) * 0.2


def _expanded(distances: torch.Tensor, centers: torch.Tensor) -> torch.Tensor:
    return torch.exp(-(((distances.unsqueeze(-1) - centers) / 0.2) ** 2))


def _plain_epoch(net: torch.nn.Module, batches: Callable[[bool], Any]) -> Epoch:
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)

    def epoch() -> None:
        net.train()
        for batch, y in batches(True):
            optimizer.zero_grad()
            torch.nn.functional.l1_loss(net(batch), y).backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            for batch, y in batches(False):
                torch.nn.functional.l1_loss(net(batch), y).item()

    return epoch


def seconds(epoch: Epoch, device: str) -> float:
    """Wall seconds of one epoch, what the device still does included."""
    began_s = time.perf_counter()
    epoch()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter() - began_s


# --- the parts ---------------------------------------------------------------------------------------------------------------


def epochs(device: str, sizes: dict[int, tuple[int, int]], batches: list[int], repeats: int) -> list[dict[str, Any]]:
    """Median seconds per epoch of the three sides, in turns."""
    found = []
    for atoms, (train, validation) in sizes.items():
        data = prepared(atoms, train, validation)
        for batch in batches:
            sides = {"perch": perch_side, "pyg": pyg_side, "dense": dense_side}
            running = {name: side(data, device, batch) for name, side in sides.items()}
            for one in running.values():
                seconds(one, device)
            took: dict[str, list[float]] = {name: [] for name in running}
            for _ in range(repeats):
                for name, one in running.items():
                    took[name].append(seconds(one, device))
            medians = {name: statistics.median(values) for name, values in took.items()}
            ratios = {f"{name}_over_perch": round(medians[name] / medians["perch"], 2) for name in ("pyg", "dense")}
            found.append({"atoms": atoms, "batch": batch, **{k: round(v, 5) for k, v in medians.items()}, **ratios})
    return found


def at_work(device: str, sizes: dict[int, tuple[int, int]]) -> dict[str, Any]:
    """The kernels that an epoch's device time goes into, and the share of the epoch in which the device is at work."""
    from torch.profiler import ProfilerActivity, profile

    atoms, (train, validation) = next(iter(sizes.items()))
    one = perch_side(prepared(atoms, train, validation), device, 64)
    one()
    on_gpu = device.startswith("cuda")
    with profile(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]) as watched:
        wall_s = seconds(one, device)
    name = "self_device_time_total" if on_gpu else "self_cpu_time_total"
    rows = sorted(watched.key_averages(), key=lambda r: -getattr(r, name))
    total_s = sum(getattr(r, name) for r in rows) / 1e6
    top = [
        {"kernel": r.key[:60], "share": round(getattr(r, name) / 1e6 / total_s, 3), "calls": r.count} for r in rows[:6]
    ]
    return {
        "epoch_s": round(wall_s, 4), "at_work_share": round(total_s / wall_s, 3), "top": top,
        "roofline": nearest(one, device, {r.key: getattr(r, f"self_{'device' if on_gpu else 'cpu'}_time_total") / 1e6 for r in rows}),
    }  # fmt: skip


def nearest(one: Epoch, device: str, seconds_of: dict[str, float]) -> dict[str, Any]:
    """How near the operation that takes most of the device's time comes to its roofline. ``seconds_of``: by the profiler's names."""
    with Counted() as counted:
        one()
    tiny = not device.startswith("cuda")
    most = ceilings(device, 2**22, 512) if tiny else ceilings(device)
    known = {
        name: seconds_of[name] for name, work in counted.work.items() if work.bytes and seconds_of.get(name, 0.0) > 0
    }
    name = max(known, key=lambda n: known[n])
    work = counted.work[name]
    return {
        "operation": name, "seconds": round(known[name], 5), "gigabytes": float(f"{work.bytes / 1e9:.3g}"), "gigaflops": float(f"{work.flops / 1e9:.3g}"),
        "device_gb_per_s": round(most.bytes_per_s / 1e9, 1), "device_tflop_per_s": round(most.flops_per_s / 1e12, 3),
        "fraction": float(f"{fraction(work, known[name], most):.3g}"),
    }  # fmt: skip


def predicted_bytes(data: Any, batch: int) -> float:
    """What ``perch space`` predicts of this configuration where no GPU was measured, without the context of a process."""
    from perch.memory.estimate import Estimate, fit
    from perch.memory.parts import RESERVE_SHARE
    from perch.memory.probe import counted
    from perch.memory.sizes import Sizes
    from perch.space import parse_space

    space = parse_space({
        **CONFIG, "batch_size": {"choice": [16, 64, 256]}, "atom_embedding_size": {"int": [16, 96]}, "num_graph_conv_layers": {"int": [1, 5]},
    })  # fmt: skip
    sizes, features = Sizes(data.graphs, data.splits), _parts(data)[1].shape[1]
    estimate = Estimate(fit(list(counted("cgcnn", space, sizes, features)), sizes, features), sizes, features)
    return estimate.tensors_bytes({**CONFIG, "batch_size": batch}) * (1 + RESERVE_SHARE)


def memory(device: str, sizes: dict[int, tuple[int, int]]) -> list[dict[str, Any]]:
    """Peak memory of an epoch, by batch size, as the tables of a run would show it, and what was predicted of it.

    On a CPU the peak is that of the whole process, and has nothing to do with the prediction.
    """
    found = []
    for atoms, (train, validation) in sizes.items():
        data = prepared(atoms, train, validation)
        for batch in (64, 256):
            perch_side(data, device, batch)()
            peak, predicted = peak_memory_bytes(torch.device(device)), predicted_bytes(data, batch)
            shown = {
                "peak_bytes": peak,
                "predicted_bytes": int(predicted),
                "over_prediction": round(peak / predicted, 3),
            }
            found.append({"atoms": atoms, "batch": batch, **shown})
    return found


def trial(device: str, share: float, sizes: dict[int, tuple[int, int]], repeats: int, greedy: bool, pipe: Any) -> None:
    """A trial in a process of its own: reports its epochs per second, or what ended it."""
    warnings.filterwarnings("ignore", category=FutureWarning)
    try:
        if device.startswith("cuda"):
            take_device(share, [torch.device(device).index or 0])
        atoms, (train, validation) = next(iter(sizes.items()))
        one = perch_side(prepared(atoms, train, validation), device, 64)
        one()
        pipe.send("ready")
        pipe.recv()
        if greedy:
            held = [torch.empty(2**28, device=device) for _ in range(10_000 if device.startswith("cuda") else 0)]
            raise MemoryError(f"a CPU has no limit of its own ({len(held)} blocks)")
        began_s = time.perf_counter()
        for _ in range(repeats):
            seconds(one, device)
        pipe.send({"epochs_per_s": repeats / (time.perf_counter() - began_s)})
    except Exception as error:
        pipe.send({"error": f"{type(error).__name__}: {str(error).splitlines()[0][:120]}"})


def together(
    device: str, share: float, greedy: list[bool], sizes: dict[int, tuple[int, int]], repeats: int
) -> list[Any]:
    """Trials side by side on one device, begun at the same moment; what each reports."""
    context = multiprocessing.get_context("spawn")
    ends = [context.Pipe() for _ in greedy]
    processes = [
        context.Process(target=trial, args=(device, share, sizes, repeats, one, theirs), daemon=True)
        for one, (_, theirs) in zip(greedy, ends, strict=True)
    ]
    for process in processes:
        process.start()
    first = [mine.recv() for mine, _ in ends]
    for (mine, _), said in zip(ends, first, strict=True):
        if said == "ready":
            mine.send("go")
    found = [mine.recv() if said == "ready" else said for (mine, _), said in zip(ends, first, strict=True)]
    for process in processes:
        process.join()
    return found


def sharing(device: str, counts: list[int], sizes: dict[int, tuple[int, int]], repeats: int) -> list[dict[str, Any]]:
    """Throughput of 1, 2, 4, 8 trials on one device."""
    found: list[dict[str, Any]] = []
    for count in counts:
        said = together(device, 1.0 / count, [False] * count, sizes, repeats)
        total = sum(one.get("epochs_per_s", 0.0) for one in said)
        errors = [one["error"] for one in said if "error" in one]
        over_one = round(total / found[0]["epochs_per_s"], 2) if found and found[0]["epochs_per_s"] else 1.0
        found.append({"trials": count, "epochs_per_s": round(total, 3), "over_one": over_one, "errors": errors})
    return found


def spared(device: str, sizes: dict[int, tuple[int, int]], repeats: int) -> dict[str, Any]:
    """A trial that runs out of memory, and its neighbour, which must go on."""
    neighbour, greedy = together(device, 0.5, [False, True], sizes, repeats)
    return {"neighbour": neighbour, "greedy": greedy, "spared": "epochs_per_s" in neighbour and "error" in greedy}


def agreement(device: str, sizes: dict[int, tuple[int, int]]) -> dict[str, Any]:
    """Errors after three epochs on the CPU and on the device, with TF32 and without: the same seed, the same order."""
    atoms, (train, validation) = next(iter(sizes.items()))
    data = prepared(atoms, train, validation)
    found = {}
    for name, where, tf32 in (("cpu", "cpu", False), ("float32", device, False), ("tf32", device, True)):
        one: Any = perch_side(data, where, 64, tf32)
        found[name] = [one()["validation_mae_ev"] for _ in range(3)][-1]
    return {
        **found,
        "float32_off": abs(found["float32"] / found["cpu"] - 1),
        "tf32_off": abs(found["tf32"] / found["cpu"] - 1),
    }


def main(arguments: list[str] | None = None) -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--tiny", action="store_true", help="sizes of seconds, to see that it runs")
    options = parser.parse_args(arguments)
    device, tiny = options.device, options.tiny
    if device.startswith("cuda") and not torch.cuda.is_available():
        print("this machine has no GPU that torch sees; --device cpu --tiny tries the code", file=sys.stderr)
        return 2
    warnings.filterwarnings("ignore", category=FutureWarning)
    sizes = {18: (12, 4)} if tiny else {18: (4096, 512), 80: (1024, 128)}
    batches, repeats, counts = ([4], 1, [1, 2]) if tiny else ([64, 256], 5, [1, 2, 4, 8])
    parts: dict[str, Callable[[], Any]] = {
        "epochs": lambda: epochs(device, sizes, batches, repeats),
        "at_work": lambda: at_work(device, sizes),
        "memory": lambda: memory(device, sizes),
        "agreement": lambda: agreement(device, sizes),
        "sharing": lambda: sharing(device, counts, sizes, 2 * repeats),
        "spared": lambda: spared(device, sizes, 2 * repeats),
    }
    out: dict[str, Any] = {
        "device": describe(torch.device(device)),
        "torch": torch.__version__,
        "tiny": tiny,
        "failed": [],
    }
    began_s = time.perf_counter()
    for name, part in parts.items():
        try:
            out[name] = part()
        except Exception as error:
            traceback.print_exc()
            out[name] = {"error": f"{type(error).__name__}: {error}"}
            out["failed"].append(name)
    out["seconds"] = round(time.perf_counter() - began_s, 1)
    print(json.dumps(out))
    return 1 if out["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
