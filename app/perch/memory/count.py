"""Tensors of one step, counted: the network runs on torch's meta device, where tensors have sizes and no content.

So a step of any size is counted in milliseconds, without the memory that it would take. Sizes are those of what torch
allocates; rounding, reserve and the context of a GPU come on top.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from perch.memory.sizes import Load
from perch.model import MODELS
from perch.model.batch import Batch
from perch.training.fold import LOSSES

META = torch.device("meta")


class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Bytes of the tensors that are made within it and still live: ``now``, and ``peak`` since it began."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now: int = 0
        self.peak: int = 0
        self._known: dict[int, weakref.finalize[Any, Any]] = {}

    def __torch_dispatch__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation and look at what it returns."""
        out = func(*args, **(kwargs or {}))
        tree_map_only(Tensor, self._see, out)
        return out

    def _see(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key not in self._known:
            size = storage.nbytes()
            self._known[key] = weakref.finalize(storage, self._gone, key, size)
            self.now += size
            self.peak = max(self.peak, self.now)

    def _gone(self, key: int, size: int) -> None:
        self.now -= size
        del self._known[key]


def network_of(model: str, config: Mapping[str, Any], atom_features: int, gaussians: int) -> nn.Module:
    """A network of a complete configuration, without content."""
    with META:
        return MODELS.get(model)(config, atom_features=atom_features, bond_features=gaussians)


def batch_of(load: Load, atom_features: int) -> Batch:
    """A batch of these sizes, without content. Shapes and types are those of ``perch.model.flat.FlatData.batch``."""

    def tensor(*shape: int, dtype: torch.dtype = torch.int32) -> Tensor:
        return torch.empty(*shape, dtype=dtype, device=META)

    n, e = load.atoms, load.bonds
    return Batch(
        features=tensor(1, atom_features, dtype=torch.float32), kinds=tensor(n), receivers=tensor(e), senders=tensor(e),
        first_bond=tensor(n), by_sender=tensor(e), first_sent=tensor(n), bonds=tensor(e, load.gaussians, dtype=torch.float32),
        graph=tensor(n, dtype=torch.int64), weights=tensor(n, 1, dtype=torch.float32), graphs=load.graphs,
    )  # fmt: skip


def training_bytes(network: nn.Module, load: Load, atom_features: int, loss: str) -> int:
    """Peak of a step: the batch, activations, what the backward pass holds, gradients.

    The gradients of the step before live until its end (``perch.training.fold``), through the forward pass.
    """
    network.train()
    with LiveBytes() as live:
        batch = batch_of(load, atom_features)
        target = torch.empty(load.graphs, device=META)
        energy = network(batch)
        forward = live.peak + sum(p.numel() * p.element_size() for p in network.parameters())
        LOSSES[loss](energy, target).backward()
    network.zero_grad(set_to_none=True)
    return int(max(forward, live.peak))


def evaluation_bytes(network: nn.Module, load: Load, atom_features: int) -> int:
    """Peak of evaluating one batch."""
    network.eval()
    with LiveBytes() as live, torch.inference_mode():
        network(batch_of(load, atom_features))
    return int(live.peak)


def parameters_of(network: nn.Module) -> int:
    """Numbers in the weights and in the running statistics."""
    return sum(t.numel() for t in (*network.parameters(), *network.buffers()))
