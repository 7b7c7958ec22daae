"""What a placement asks of Ray: never a node that broke it, nor an avoided one, unless there is no other; a whole GPU where it must be alone."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ray.tune.experiment import Trial

from perch.campaign.placement import Placement
from perch.engine.needs import Needs, Request
from perch.engine.ray_session import Node
from perch.engine.tune import PlacedTrial

NODES = [Node(f"id{k}", f"10.0.0.{k}", 8.0, 2.0) for k in range(4)]


def placement(*off: int, alone: bool = False) -> Placement:
    addresses = frozenset(f"10.0.0.{k}" for k in off)
    return Placement("00001", {}, 0, None, "key", 1.0, off=addresses, alone=alone)


def needs(*avoided: int, gpus: float = 0.25, nodes: list[Node] = NODES) -> Needs:
    return Needs({"cpu": 1.0, "gpu": gpus}, nodes, {f"10.0.0.{k}" for k in avoided})


def test_most_placements_ask_for_nothing_but_the_trainables_resources() -> None:
    assert needs().request(placement()) == Request()
    assert Needs({"cpu": 2.0}).request(placement(1)) == Request(), "of one node, or of none, nobody is kept off"


def test_it_is_kept_off_nodes_by_their_ids() -> None:
    found = needs(2).request(placement(0))
    assert found.off == {"id0", "id2"} and not found.usual and found.slots == 1
    assert found.factory is not None
    [bundle], [selector] = found.factory.bundles, found.factory._bound.kwargs["bundle_label_selector"]
    assert bundle == {"CPU": 1.0, "GPU": 0.25}
    assert selector == {"ray.io/node-id": "!in(id0,id2)"}


def test_what_all_are_kept_off_is_usual() -> None:
    found = needs(2).request(placement())
    assert found.off == {"id2"} and found.usual
    assert found.factory == needs(2).request(placement(2)).factory


@given(off=st.sets(st.integers(0, 3)), avoided=st.sets(st.integers(0, 3)))
def test_there_is_always_a_node_left(off: set[int], avoided: set[int]) -> None:
    found = needs(*avoided).request(placement(*off))
    assert len(found.off) < len(NODES)
    if len(off | avoided) < len(NODES):
        assert found.off == {f"id{k}" for k in off | avoided}
    elif len(avoided) < len(NODES):
        assert found.off == {f"id{k}" for k in avoided}


@pytest.mark.parametrize(("gpus", "slots"), [(0.25, 4), (0.5, 2), (0.3, 3), (0.14, 7), (0.6, 1)])
def test_alone_it_takes_a_whole_gpu_and_the_slots_of_its_neighbours(gpus: float, slots: int) -> None:
    found = needs(gpus=gpus).request(placement(alone=True))
    assert found.factory is not None and found.factory.bundles == [{"CPU": 1.0, "GPU": 1.0}]
    assert found.slots == slots and not found.usual


def test_where_no_node_has_a_whole_gpu_it_is_tried_as_it_was() -> None:
    part = [Node("id0", "10.0.0.0", 8.0, 0.5)]
    assert needs(nodes=part).request(placement(alone=True)) == Request()


def test_a_request_can_be_granted_while_one_of_its_nodes_is_there() -> None:
    assert needs().can_come({"id0"})
    assert not needs(nodes=NODES[:1]).can_come({"id0"})
    assert needs(nodes=[]).can_come({"id0"}), "an autoscaler may bring one"


def test_tune_takes_a_trial_up_with_what_its_placement_asks_for() -> None:
    """Tune works the resources of a trial out anew when it takes it up, and forgets what was set before."""
    trial = Trial("elsewhere", stub=True)
    trial.__class__ = PlacedTrial
    trial.perch_request = needs(2).request(placement())
    trial.create_placement_group_factory()
    assert trial.placement_group_factory == trial.perch_request.factory
    trial.perch_request = SimpleNamespace(factory=None)
    trial.create_placement_group_factory()
    assert trial.placement_group_factory.required_resources == {"CPU": 1.0}
