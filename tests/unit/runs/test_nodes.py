"""Every two seconds: which nodes a run uses, which it avoids, and what it shows an autoscaler."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.hand_made import study

from perch.campaign.campaign import Campaign
from perch.engine.ray_session import Node
from perch.log.by_hand import ByHand
from perch.runs.autoscaling import Wish
from perch.runs.drive import look_at_nodes

HEAD = Node("head", "10.0.0.0", 0.0, 0.0)


def node(number: int, cpus: float = 2.0) -> Node:
    return Node(f"id{number}", f"10.0.0.{number}", cpus, 0.0)


class Look:
    """One look at these nodes, of which some have broken so many placements. ``seen``: what the engine was told of."""

    def __init__(self, nodes: list[Node], faults: dict[int, int], *, busy: int, trials: int = 100) -> None:
        self.said: list[str] = []
        self.wanted: int | None = None
        state = SimpleNamespace(
            faults=Counter({f"10.0.0.{k}": n for k, n in faults.items()}), avoided=set(), started=10, confirming=[],
            by_hand=ByHand(), counts=Counter(),
        )  # fmt: skip
        rules = SimpleNamespace(trials=trials)
        campaign: Any = SimpleNamespace(
            state=state, rules=rules, queue=[], ending=None, time_is_up=False, worker_slots=0
        )
        campaign.emit = lambda e, node: state.avoided.add(node)
        campaign.suspects = lambda present: Campaign.suspects(campaign, present)
        self.campaign = campaign
        engine: Any = SimpleNamespace(resources={"cpu": 1.0}, busy=busy)
        engine.see = lambda seen, avoided: setattr(self, "seen", ([n.id for n in seen], set(avoided)))
        session: Any = SimpleNamespace(nodes=lambda: nodes, want=lambda n, _: setattr(self, "wanted", n))
        attempt: Any = SimpleNamespace(
            campaign=campaign, view=SimpleNamespace(say=self.said.append), study=study(budget={"trials": trials}), wish=Wish()
        )  # fmt: skip
        look_at_nodes(attempt, session, engine)


def test_nodes_that_take_no_trial_are_none() -> None:
    look = Look([HEAD, node(1), node(2)], {}, busy=3)
    assert look.seen == (["id1", "id2"], set())
    assert look.campaign.worker_slots == 4 and look.wanted == 3


def test_a_node_that_has_broken_three_placements_is_used_no_more_and_that_is_said() -> None:
    look = Look([HEAD, node(1), node(2)], {2: 3, 1: 2}, busy=1)
    assert look.seen == (["id1", "id2"], {"10.0.0.2"})
    assert look.campaign.worker_slots == 2
    assert look.said == ["warning: node 10.0.0.2 is avoided from here on: 3 faults of its own"]


def test_a_head_that_takes_no_trial_is_not_what_is_left_when_all_others_break_trials() -> None:
    look = Look([HEAD, node(1), node(2)], {1: 3, 2: 4}, busy=1)
    assert look.seen[1] == set() and look.campaign.worker_slots == 4


def test_where_only_an_avoided_node_is_left_it_is_used() -> None:
    look = Look([HEAD, node(1)], {1: 3}, busy=0)
    look.campaign.state.avoided.add("10.0.0.1")
    attempt: Any = SimpleNamespace(campaign=look.campaign, view=None, study=study(budget={"trials": 9}), wish=Wish())
    engine: Any = SimpleNamespace(resources={"cpu": 1.0}, busy=0, see=lambda seen, avoided: None)
    look_at_nodes(attempt, SimpleNamespace(nodes=lambda: [HEAD, node(1)], want=lambda n, _: None), engine)  # type: ignore[arg-type]
    assert look.campaign.worker_slots == 2


@pytest.mark.parametrize(("faults", "wanted"), [({}, 4 + 4), ({2: 3}, 2 + 2 + 2)])
def test_an_autoscaler_counts_avoided_nodes_and_is_asked_for_as_many_more(faults: dict[int, int], wanted: int) -> None:
    look = Look([node(1), node(2)], faults, busy=2 if faults else 4)
    assert look.wanted == wanted


@pytest.mark.parametrize(("cluster", "wanted"), [("3x2", 6), ("16x2", 8), ("", 8)])
def test_no_more_is_asked_for_than_the_cluster_may_have(
    monkeypatch: pytest.MonkeyPatch, cluster: str, wanted: int
) -> None:
    """Ray's autoscaler would add nothing at all."""
    monkeypatch.setenv("PERCH_CLUSTER", cluster)
    assert Look([node(1), node(2)], {}, busy=4).wanted == wanted
