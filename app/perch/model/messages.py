"""The bonds' part of a CGCNN convolution, forward and backward by hand: few passes over the one large array.

An array with a row per bond is what an epoch's time goes into. Written plainly, PyTorch walks over it some twenty times
per convolution, forward and backward; here it is nine. Tested equal to the plain equations, gradients included.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from perch.model.batch import Batch, sum_rows


@dataclass(frozen=True)
class Links:
    """Where rows of the atoms' and of the bonds' arrays belong to each other; made once per batch.

    ``ends`` (2E,): for each bond, row 2 i of its receiver i and row 2 j + 1 of its sender j in the table of projections.
    """

    batch: Batch
    ends: Tensor
    bags: Tensor
    order: Tensor

    @classmethod
    def of(cls, batch: Batch) -> Links:
        """The links of a batch."""
        ends = torch.stack([2 * batch.receivers, 2 * batch.senders + 1], dim=1).view(-1)
        order = torch.arange(len(batch.receivers), dtype=torch.int32, device=ends.device)
        return cls(batch, ends, 2 * order, order)


def bond_inputs(projections: Tensor, w_bond: Tensor, links: Links) -> Tensor:
    """The product z W + b of each bond (E, 2F), of the atoms' ``projections`` (N, 4F) and the bonds' own part."""
    table = projections.view(2 * len(projections), -1)
    rows = torch.embedding_bag(table, links.ends, links.bags, mode=0)[0]
    return rows.addmm_(links.batch.bonds, w_bond.t())


class _Messages(torch.autograd.Function):
    """sum_j sigmoid(BN(z W_f + b_f)) * softplus(BN(z W_s + b_s)) with the batch's statistics: (N, F)."""

    @staticmethod
    def forward(
        ctx: Any, projections: Tensor, w_bond: Tensor, scale: Tensor, shift: Tensor, norm: nn.BatchNorm1d, links: Links
    ) -> Tensor:
        """Compute the sums, and keep what the gradient needs."""
        rows = bond_inputs(projections, w_bond, links)
        normed, mean, inverse = torch.native_batch_norm(
            rows, scale, shift, norm.running_mean, norm.running_var, True, norm.momentum or 0.0, norm.eps
        )
        width = rows.shape[1] // 2
        core = softplus(normed[:, width:])
        sigmoids = normed.sigmoid_()
        total = sum_rows(core * sigmoids[:, :width], links.order, links.batch.first_bond)
        ctx.save_for_backward(rows, core, sigmoids, mean, inverse, scale)
        ctx.links = links
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of projections, bond weights, scale and shift."""
        rows, core, sigmoids, mean, inverse, scale = ctx.saved_tensors
        links: Links = ctx.links
        count, width = len(rows), rows.shape[1] // 2
        of_message = gradients[0].index_select(0, links.batch.receivers)
        of_normed = torch.empty_like(rows)
        gate = sigmoids[:, :width]
        torch.mul(of_message * gate, sigmoids[:, width:], out=of_normed[:, width:])
        torch.ops.aten.sigmoid_backward.grad_input(of_message.mul_(core), gate, grad_input=of_normed[:, :width])
        buffer = of_normed * rows
        ones = rows.new_ones(1, count)
        of_shift = (ones @ of_normed).squeeze(0)
        of_scale = ((ones @ buffer).squeeze(0) - mean * of_shift) * inverse
        a = scale * inverse
        b = -a * inverse * of_scale / count
        torch.addcmul(-a * of_shift / count - b * mean, rows, b, out=buffer)
        of_rows = buffer.addcmul_(of_normed, a)
        to_receivers = sum_rows(of_rows, links.order, links.batch.first_bond)
        to_senders = sum_rows(of_rows, links.batch.by_sender, links.batch.first_sent)
        of_weights = (links.batch.bonds.t() @ of_rows).t()
        return torch.cat([to_receivers, to_senders], dim=1), of_weights, of_scale, of_shift, None, None


def messages(projections: Tensor, w_bond: Tensor, norm: nn.BatchNorm1d, links: Links) -> Tensor:
    """Gated messages summed at each receiver (N, F), of ``projections`` (N, 4F) and bond weights (2F, B).

    In training the statistics are those of the batch's bonds, and the running ones move on; else the running ones hold.
    """
    if len(links.order) < 2:  # no statistics in a single bond
        return projections.new_zeros(len(projections), projections.shape[1] // 4)
    if norm.training:
        assert norm.num_batches_tracked is not None
        norm.num_batches_tracked.add_(1)
        return _Messages.apply(projections, w_bond, norm.weight, norm.bias, norm, links)  # type: ignore[no-any-return]
    normed = norm(bond_inputs(projections, w_bond, links))
    gate, core = normed.chunk(2, dim=1)
    return sum_rows(torch.sigmoid(gate) * softplus(core), links.order, links.batch.first_bond)
