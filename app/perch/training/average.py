"""A running average of a network's weights, which is evaluated and kept in their place where a study asks for one.

The average of the steps of an optimiser lies nearer the minimum than its last one (Polyak and Juditsky, SIAM J. Control Optim. 30
(1992) 838, doi:10.1137/0330046). Here it is exponential, as interatomic potentials are mostly trained: ``a <- d a + (1 - d) w`` after
each step, over the buffers of batch normalisation as well, with ``d = min(ema_decay, (1 + n) / (10 + n))`` at step n, so that the first
steps do not hold the weights of the start.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn


class Average:
    """See the module. ``network`` is a copy of its own that holds the average."""

    def __init__(self, network: nn.Module, state: Mapping[str, Any] | None = None) -> None:
        """Begin with the weights of ``network`` as they are, or go on from a ``state``; ``network`` is followed from then on."""
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.steps = 0
        if state is not None:
            self.network.load_state_dict(state["network"])
            self.steps = int(state["steps"])
        # The tensors themselves, which steps and loading change in place: they are looked up once, not at each step.
        pairs = list(zip(self.network.state_dict().values(), network.state_dict().values(), strict=True))
        self._averages = [mine for mine, _ in pairs if mine.is_floating_point()]
        self._weights = [theirs for _, theirs in pairs if theirs.is_floating_point()]
        self._counts = [(mine, theirs) for mine, theirs in pairs if not mine.is_floating_point()]

    def update(self, decay: float) -> None:
        """Take the weights after a step into account; whole numbers, such as counts of batches, are taken over."""
        self.steps += 1
        weight = 1.0 - min(decay, (1.0 + self.steps) / (10.0 + self.steps))
        torch._foreach_lerp_(self._averages, self._weights, weight)
        for mine, theirs in self._counts:
            mine.copy_(theirs)

    def state(self) -> dict[str, Any]:
        """What ``Average(network, state)`` goes on from."""
        return {"network": self.network.state_dict(), "steps": self.steps}
