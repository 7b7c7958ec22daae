"""Seconds per epoch: Perch's loop beside PyTorch Geometric's CGConv with its DataLoader, on the same graphs.

Every side runs in a process of its own and takes turns with the others, so that all meet the same load; the figures are
medians. ``pyg`` flushes denormals as Perch does; ``pyg as written`` does not, as in every example of that library.

    python benchmarks/epoch.py --threads 2 --epochs 9
"""

from __future__ import annotations

import argparse
import multiprocessing
import platform
import time
import warnings
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

WIDTH, LAYERS, BATCH = 64, 3, 64
CONFIG = {"atom_embedding_size": WIDTH, "num_graph_conv_layers": LAYERS, "fc_feat_size": 128, "batch_size": BATCH}
SIDES = ("perch", "perch cgconv", "pyg", "pyg as written")


def slabs(atoms: int, count: int):
    """Rattled (111) slabs of two metals with one adsorbed atom: 17 + 1 or 79 + 1 atoms."""
    from ase.build import add_adsorbate, fcc111

    made, size = [], {18: (3, 2, 3), 80: (4, 5, 4)}[atoms]
    for n in range(count):
        rng = np.random.default_rng(n)
        slab = fcc111("Cu", size, a=3.7 + 0.3 * rng.random(), vacuum=6.0)
        slab.numbers[rng.random(len(slab)) < 0.3] = 79
        add_adsorbate(slab, "O", 1.2, "fcc")
        del slab[0]
        slab.rattle(0.05, rng=rng)
        made.append(slab)
    assert all(len(s) == atoms for s in made)
    return made


def prepared(atoms: int, train: int, validation: int):
    """The slabs as Perch prepares data: 6 Å, 12 neighbours, and a target."""
    from dataclasses import replace

    from perch.data.graphs.graph import Split
    from perch.data.prepare import Prepared, from_atoms
    from perch.study import AdsorbateSpec, DataSpec

    spec = DataSpec(source="extxyz", path="-", adsorbate=AdsorbateSpec(symbols=["O"]))
    graphs = from_atoms(slabs(atoms, train + validation), spec)
    graphs = replace(graphs, target_ev=np.random.default_rng(0).normal(size=len(graphs)))
    rows = np.arange(len(graphs))
    names = tuple(map(str, rows))
    none = {"mean": None, "mean_per_adsorbate": None, "ridge_composition": None}
    split = Split(rows[:train], rows[train:], rows[:0], {})
    return Prepared(
        graphs, (split,), none, none, names, names, names, names, (8, 29, 79), "relaxed", spec.adsorbate, "cgcnn", f"{atoms}"
    )  # fmt: skip


def perch_side(data, threads: int, model: str):
    """One epoch of Perch, evaluation included."""
    from perch.training.loop import Training

    training = Training(
        data,
        CONFIG,
        epochs=1000,
        seed=0,
        key="benchmark",
        device="cpu",
        threads=threads,
        model=model,
    )
    return training.epoch


def pyg_side(data, threads: int, flush: bool):
    """One epoch with PyTorch Geometric as its examples are written: Data objects, DataLoader, CGConv, global_mean_pool."""
    import torch
    from torch.nn.functional import l1_loss, softplus
    from torch_geometric.data import Data
    from torch_geometric.loader import DataLoader
    from torch_geometric.nn import CGConv, global_mean_pool

    from perch.training.tensors import graph_features

    torch.set_flush_denormal(flush)
    torch.set_num_threads(threads)
    g, features = data.graphs, torch.tensor(graph_features(data.graphs, "cgcnn"))
    target = torch.tensor((g.target_ev - g.target_ev.mean()) / g.target_ev.std(), dtype=torch.float32)
    centers = torch.arange(31) * 0.2
    items = []
    for n in range(len(g)):
        part = slice(g.start[n], g.start[n + 1])
        receiver, place = np.nonzero(g.mask[part])
        sender = g.neighbors[part][receiver, place] - g.start[n]
        distance = torch.tensor(g.distances[part][receiver, place])
        items.append(Data(
            x=features[part], edge_index=torch.tensor(np.stack([sender, receiver])), y=target[n : n + 1],
            edge_attr=torch.exp(-(((distance[:, None] - centers) / 0.2) ** 2)),
        ))  # fmt: skip
    train, validation = len(data.splits[0].train), len(data.splits[0].validation)
    loaders = DataLoader(items[:train], BATCH, shuffle=True), DataLoader(items[train : train + validation], BATCH)

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = torch.nn.Linear(features.shape[1], WIDTH)
            self.convolutions = torch.nn.ModuleList(CGConv(WIDTH, dim=31, batch_norm=True) for _ in range(LAYERS))
            self.hidden, self.out = torch.nn.Linear(WIDTH, 128), torch.nn.Linear(128, 1)

        def forward(self, b):
            x = self.embedding(b.x)
            for convolution in self.convolutions:
                x = convolution(x, b.edge_index, b.edge_attr)
            return self.out(softplus(self.hidden(softplus(global_mean_pool(x, b.batch))))).squeeze(1)

    net = Net()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)

    def epoch():
        net.train()
        for batch in loaders[0]:
            optimizer.zero_grad()
            l1_loss(net(batch), batch.y).backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            for batch in loaders[1]:
                l1_loss(net(batch), batch.y).item()

    return epoch


def worker(side: str, atoms: int, sizes: tuple[int, int], threads: int, pipe: Connection) -> None:
    """Serve one epoch per message: (wall seconds, processor seconds)."""
    warnings.filterwarnings("ignore", category=FutureWarning)  # PyG's imports
    data = prepared(atoms, *sizes)
    if side.startswith("perch"):
        model = "cgconv" if "cgconv" in side else "cgcnn"
        epoch = perch_side(data, threads, model)
    else:
        epoch = pyg_side(data, threads, flush=side == "pyg")
    epoch()
    pipe.send("ready")
    while pipe.recv() == "epoch":
        wall, cpu = time.perf_counter(), time.process_time()
        epoch()
        pipe.send((time.perf_counter() - wall, time.process_time() - cpu))


def measure(atoms: int, sizes: tuple[int, int], threads: int, epochs: int) -> dict[str, tuple[float, float]]:
    """Median wall and processor seconds per epoch of every side, taking turns."""
    context = multiprocessing.get_context("spawn")
    pipes, processes = {}, []
    for side in SIDES:
        pipes[side], other = context.Pipe()
        processes.append(context.Process(target=worker, args=(side, atoms, sizes, threads, other), daemon=True))
        processes[-1].start()
        assert pipes[side].recv() == "ready"
    seconds: dict[str, list[tuple[float, float]]] = {side: [] for side in SIDES}
    for _ in range(epochs):
        for side in SIDES:
            pipes[side].send("epoch")
            seconds[side].append(pipes[side].recv())
    for process, pipe in zip(processes, pipes.values(), strict=True):
        pipe.send("end")
        process.join()
    return {s: tuple(np.median(pairs, axis=0)) for s, pairs in seconds.items()}


def processor() -> str:
    """The processor's name, as it gives it."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name")), "?")


def profile(threads: int) -> None:
    """Print PyTorch's profile of one epoch of Perch at 18 atoms."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as watch

    epoch = perch_side(prepared(18, 523, 112), threads, "cgcnn")
    epoch()
    with watch(activities=[ProfilerActivity.CPU]) as seen:
        epoch()
    print(seen.key_averages().table(sort_by="self_cpu_time_total", row_limit=25, max_name_column_width=40))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=9)
    parser.add_argument("--atoms", type=int, nargs="*", default=[18, 80])
    parser.add_argument("--profile", action="store_true", help="where one epoch of Perch spends its time")
    options = parser.parse_args()
    if options.profile:
        profile(options.threads)
        return
    print(f"{datetime.now(UTC):%Y-%m-%d}, {processor()}, {options.threads} threads, batch {BATCH}, {LAYERS} x {WIDTH}")
    for atoms in options.atoms:
        sizes = {18: (523, 112), 80: (192, 64)}[atoms]
        found = measure(atoms, sizes, options.threads, options.epochs)
        print(
            f"\n{sizes[0]} + {sizes[1]} slabs of {atoms} atoms       wall s   times Perch   processor s   times Perch"
        )
        for side, (wall, cpu) in found.items():
            ratios = [value / found["perch"][k] for k, value in enumerate((wall, cpu))]
            print(f"{side:35s} {wall:9.3f} {ratios[0]:13.2f} {cpu:13.3f} {ratios[1]:13.2f}")


if __name__ == "__main__":
    main()
