"""How near an operation comes to what its device can do: the roofline (Williams, Waterman and Patterson, CACM 52 (2009) 65).

Its time is at least that of moving its inputs and outputs once, and of its multiplications, at the rates that this device reaches on
a large copy and on a large matrix product. Both rates are measured, so the fraction is of what can be had, not of a data sheet.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten
from torch.utils.flop_counter import flop_registry


@dataclass(frozen=True)
class Ceilings:
    """Bytes a second of a copy, read and written, and operations a second of a matrix product."""

    bytes_per_s: float
    flops_per_s: float


@dataclass
class Work:
    """What an operation has moved at least and computed, over its calls."""

    calls: int = 0
    bytes: int = 0
    flops: int = 0


def fraction(work: Work, seconds: float, ceilings: Ceilings) -> float:
    """Least time over the time taken."""
    least_s = max(work.bytes / ceilings.bytes_per_s, work.flops / ceilings.flops_per_s)
    return least_s / seconds


def moved_bytes(tensors: list[torch.Tensor]) -> int:
    """Bytes of the tensors' elements; one that is named twice is moved once."""
    unique = {(t.data_ptr(), t.numel()): t.numel() * t.element_size() for t in tensors}
    return sum(unique.values())


GATHERS = frozenset({"index_select", "index", "embedding_bag", "_embedding_bag", "_embedding_bag_forward_only"})
"""Operations that read some rows of their first tensor, as many as their second has entries at most."""


ALLOCATES = frozenset({"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided"})
"""Operations that make a tensor and neither read nor write one: like views, they have no roofline."""


def unread_bytes(tensors: list[torch.Tensor]) -> int:
    """Bytes of a gather's table that it cannot have read."""
    table, index = tensors[0], tensors[1]
    row = table[:1].numel() * table.element_size()
    return max(table.numel() * table.element_size() - index.numel() * row, 0)


class Counted(TorchDispatchMode):
    """Counts the work of every operation that runs within it, by the profiler's names."""

    def __init__(self) -> None:
        super().__init__()
        self.work: dict[str, Work] = defaultdict(Work)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation, and look at what goes in and comes out."""
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        if func.is_view or func.overloadpacket.__name__ in ALLOCATES:
            return out
        tensors = [t for t in tree_flatten((args, kwargs, out))[0] if isinstance(t, torch.Tensor)]
        one = self.work[f"aten::{func.overloadpacket.__name__}"]
        one.calls += 1
        one.bytes += moved_bytes(tensors) - (unread_bytes(tensors) if func.overloadpacket.__name__ in GATHERS else 0)
        if (counter := flop_registry.get(func.overloadpacket)) is not None:
            one.flops += int(counter(*args, **kwargs, out_val=out))
        elif func.overloadpacket.__name__ == "addmm_":
            one.flops += 2 * args[1].shape[0] * args[1].shape[1] * args[2].shape[1]
        return out


def ceilings(device: str, elements: int = 2**26, size: int = 4096, repeats: int = 5) -> Ceilings:
    """What the device reaches: the fastest of some copies of ``elements`` float32, and of some products of ``size`` rows."""
    source = torch.rand(elements, device=device)
    target = torch.empty_like(source)
    a, b = torch.rand(size, size, device=device), torch.rand(size, size, device=device)
    copied = _fastest(lambda: target.copy_(source), device, repeats)
    multiplied = _fastest(lambda: a @ b, device, repeats)
    return Ceilings(2 * 4 * elements / copied, 2 * size**3 / multiplied)


def _fastest(action: Callable[[], Any], device: str, repeats: int) -> float:
    took = []
    for _ in range(repeats + 1):
        began_s = time.perf_counter()
        action()
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        took.append(time.perf_counter() - began_s)
    return min(took[1:])
