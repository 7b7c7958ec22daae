"""What a placement asks of Ray: its resources, on which nodes, and whether it has a GPU to itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ray import tune

from perch.campaign.placement import Placement
from perch.engine.ray_session import Node


@dataclass(frozen=True)
class Request:
    """``factory``: what Tune asks Ray for, None: the trainable's own resources, on any node.

    ``off``: ids of the nodes that it is kept off. ``usual``: every other placement of now asks for the same. ``slots``: how many
    placements could run in its place.
    """

    factory: tune.PlacementGroupFactory | None = None
    off: frozenset[str] = frozenset()
    usual: bool = True
    slots: int = 1


@dataclass
class Needs:
    """``resources``: cores and GPUs of a trial. ``nodes``: those that take one. ``avoided``: addresses of nodes to be kept off."""

    resources: Mapping[str, float]
    nodes: Sequence[Node] = ()
    avoided: Collection[str] = ()

    def request(self, placement: Placement) -> Request:
        """What a placement asks for. No placement is kept off every node that is there."""
        off = self._off({*self.avoided, *placement.off}) or self._off(self.avoided)
        alone = placement.alone and any(node.gpus >= 1 for node in self.nodes if node.id not in off)
        if not off and not alone:
            return Request()
        gpus = self.resources.get("gpu", 0.0)
        bundle = {"CPU": self.resources["cpu"], "GPU": max(gpus, 1.0) if alone else gpus}
        where = {"bundle_label_selector": [{"ray.io/node-id": f"!in({','.join(sorted(off))})"}]} if off else {}
        usual = not alone and off == self._off(self.avoided)
        slots = max(int(1 / gpus + 1e-6), 1) if alone and gpus else 1
        return Request(tune.PlacementGroupFactory([bundle], **where), off, usual, slots)

    def can_come(self, off: Collection[str]) -> bool:
        """True while a node is there that a request kept ``off`` these can be granted on; true also while there is none at all."""
        return not self.nodes or any(node.id not in off for node in self.nodes)

    def _off(self, addresses: Collection[str]) -> frozenset[str]:
        """Ids of the nodes at these addresses; none where that would be every node."""
        found = frozenset(node.id for node in self.nodes if node.address in addresses)
        return found if len(found) < len(self.nodes) else frozenset()
