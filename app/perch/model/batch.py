"""A batch of graphs as the networks see it: atoms and bonds in flat tensors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """G graphs of N atoms with E bonds in all; a bond leads from a sender to a receiver, and bonds lie by receiver.

    ``features`` (K, D): the table whose rows ``kinds`` (N,) picks for each atom. ``receivers``, ``senders`` (E,): atoms
    of each bond. ``first_bond`` (N,): where each receiver's bonds begin. ``by_sender`` (E,): the bonds in the order of
    their senders, ``first_sent`` (N,): where each sender's begin in it. ``bonds`` (E, B): expanded distances. ``graph``
    (N,): the graph of each atom. ``weights`` (N, 1): each atom's share in its graph's pooled vector.
    """

    features: Tensor
    kinds: Tensor
    receivers: Tensor
    senders: Tensor
    first_bond: Tensor
    by_sender: Tensor
    first_sent: Tensor
    bonds: Tensor
    graph: Tensor
    weights: Tensor
    graphs: int

    @property
    def own_bytes(self) -> int:
        """Bytes of its tensors, without the table of features, which all batches share."""
        own = (v for name, v in vars(self).items() if isinstance(v, Tensor) and name != "features")
        return sum(v.numel() * v.element_size() for v in own)

    def pool(self, x: Tensor) -> Tensor:
        """Weighted mean of the atoms' vectors (N, F) in each graph: (G, F)."""
        return x.new_zeros(self.graphs, x.shape[1]).index_add_(0, self.graph, x * self.weights.to(x.dtype))


def sum_rows(rows: Tensor, order: Tensor, first: Tensor) -> Tensor:
    """Sums over runs of rows: rows (E, C) in ``order`` (E,), one run from each of ``first`` (N,) on. Returns (N, C).

    PyTorch's embedding bag, which on a CPU is two to twenty times as fast as its scatter, segment and index sums.
    """
    return torch.embedding_bag(rows, order, first, mode=0)[0]
