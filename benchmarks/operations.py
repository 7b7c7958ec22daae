"""Processor time of single operations on an array with a row per bond: what the layout of the convolution rests on.

python benchmarks/operations.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import torch

ATOMS, COLUMNS, GAUSSIANS, LIT = 1152, 128, 31, 11


def milliseconds(call: Callable[[], object], repeats: int = 40) -> float:
    """Least processor time of a call."""
    call()
    seconds = []
    for _ in range(repeats):
        began = time.process_time()
        call()
        seconds.append(time.process_time() - began)
    return min(seconds) * 1e3


def main() -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    counts = torch.from_numpy(np.random.default_rng(0).integers(9, 16, ATOMS))
    bonds = int(counts.sum())
    first = (counts.cumsum(0) - counts).int()
    order = torch.arange(bonds, dtype=torch.int32)
    receivers = torch.repeat_interleave(counts)
    rows, regular = torch.randn(bonds, COLUMNS), torch.randn(ATOMS, 12, COLUMNS)
    distances, weights = torch.rand(bonds, GAUSSIANS), torch.randn(GAUSSIANS, COLUMNS)
    lit = (torch.randint(0, GAUSSIANS - LIT, (bonds, 1)) + torch.arange(LIT)).int().view(-1)
    bags, shares = torch.arange(bonds, dtype=torch.int32) * LIT, torch.rand(bonds * LIT)
    half, zeros = rows[:, : COLUMNS // 2].contiguous(), torch.zeros(ATOMS, COLUMNS)
    parts: dict[str, Callable[[], object]] = {
        "sum at receivers: embedding_bag": lambda: torch.embedding_bag(rows, order, first, mode=0),
        "sum at receivers: index_add": lambda: zeros.index_add(0, receivers, rows),
        "sum at receivers: segment_reduce": lambda: torch.segment_reduce(rows, "sum", lengths=counts, unsafe=True),
        "sum at receivers: regular lists, reshape and sum": lambda: regular.sum(1),
        "bonds' product: 31 Gaussians, dense": lambda: distances @ weights,
        "bonds' product: 11 Gaussians, sparse": lambda: torch.embedding_bag(
            weights, lit, bags, mode=0, per_sample_weights=shares
        ),
        "gradient of its weights, dense": lambda: distances.t() @ rows,
        "softplus of half the columns": lambda: torch.nn.functional.softplus(half),
        "sigmoid of all": lambda: torch.sigmoid(rows),
        "copy of all": rows.clone,
    }
    print(f"{datetime.now(UTC):%Y-%m-%d}, one thread, {bonds} bonds of {ATOMS} atoms, {COLUMNS} columns")
    for name, call in parts.items():
        took = milliseconds(call)
        flops = 2 * bonds * GAUSSIANS * COLUMNS / took / 1e6
        print(f"{name:50s} {took:7.3f} ms" + (f"  {flops:5.0f} GFLOP/s" if "dense" in name else ""))


if __name__ == "__main__":
    main()
