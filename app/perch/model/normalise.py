"""Batch normalisation over the real rows of a padded list."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MaskedBatchNorm(nn.BatchNorm1d):
    """Batch normalisation of rows (E, C); padded rows enter neither the batch's nor the running statistics."""

    def forward(self, rows: Tensor, mask: Tensor | None = None) -> Tensor:  # type: ignore[override]
        """Normalise (E, C); ``mask`` (E,) is True for real rows, None when all are. Padded rows come out as they fall."""
        if mask is None or not self.training:
            return super().forward(rows)
        keep = mask.to(rows.dtype).unsqueeze(1)
        count = keep.sum()
        mean = (rows * keep).sum(0) / count
        variance = ((rows - mean).square() * keep).sum(0) / count
        with torch.no_grad():
            assert self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None
            momentum = self.momentum if self.momentum is not None else 0.1
            unbiased = variance * count / (count - 1).clamp(min=1)
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), momentum)
            self.running_var.lerp_(unbiased.to(self.running_var.dtype), momentum)
            self.num_batches_tracked.add_(1)
        return (rows - mean) * torch.rsqrt(variance + self.eps) * self.weight + self.bias
