"""What a trial needs of a cluster, how many trials fit it, and what an autoscaler is shown."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from tests.unit.hand_made import study

from perch.engine.ray_session import Node
from perch.errors import ClusterError
from perch.runs import resources
from perch.runs.resources import FIRST_WORKER_S, slots, trial_resources, wait_for_room


def nodes(*sizes: tuple[float, float]) -> list[Node]:
    return [Node(f"id{k}", f"10.0.0.{k}", cpus, gpus) for k, (cpus, gpus) in enumerate(sizes, 1)]


@pytest.mark.parametrize(
    ("asked", "gpus_there", "expected"),
    [
        ({}, 0.0, {"cpu": 1.0}),
        ({}, 4.0, {"cpu": 1.0, "gpu": 1.0}),
        ({"cpus": 2, "gpus": 0.25}, 4.0, {"cpu": 2.0, "gpu": 0.25}),
        ({"cpus": 2, "gpus": 0}, 4.0, {"cpu": 2.0}),
        ({"gpus": 0}, 0.0, {"cpu": 1.0}),
        ({"gpus": 1}, 0.0, {"cpu": 1.0, "gpu": 1.0}),
    ],
)
def test_a_trial_gets_what_the_study_says_and_a_gpu_where_it_says_nothing_and_there_are_some(
    asked: dict[str, float], gpus_there: float, expected: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PERCH_CLUSTER", raising=False)
    assert trial_resources(study(resources=asked), nodes((8.0, gpus_there))) == expected


def test_gpus_that_are_still_to_come_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a group of processors that is up first would decide for the whole run."""
    monkeypatch.setenv("PERCH_CLUSTER", "1x16 4x16:2")
    assert trial_resources(study(), nodes((16.0, 0.0))) == {"cpu": 1.0, "gpu": 1.0}


@pytest.mark.parametrize(
    ("sizes", "needs", "fit"),
    [
        ([(8.0, 0.0)], {"cpu": 1.0}, 8),
        ([(8.0, 0.0)], {"cpu": 3.0}, 2),
        ([(2.0, 0.0)], {"cpu": 3.0}, 0),
        ([(8.0, 2.0)], {"cpu": 1.0, "gpu": 1.0}, 2),
        ([(3.0, 2.0)], {"cpu": 1.0, "gpu": 0.25}, 3),
        ([(64.0, 7.0)], {"cpu": 1.0, "gpu": 0.14}, 50),
        ([(1.2, 0.0)], {"cpu": 0.4}, 3),
        ([(3.0, 0.0)] * 3, {"cpu": 2.0}, 3),
        ([(0.0, 0.0), (16.0, 0.0), (16.0, 4.0)], {"cpu": 4.0, "gpu": 1.0}, 4),
    ],
)
def test_as_many_trials_fit_as_the_nodes_take_one_by_one(
    sizes: list[tuple[float, float]], needs: dict[str, float], fit: int
) -> None:
    """Parts of a GPU add up: 7 / 0.14 is fifty, though the division falls a little short of it. Cores left over on three nodes do not."""
    assert slots(nodes(*sizes), needs) == fit


def test_nodes_that_are_avoided_take_nothing() -> None:
    assert slots(nodes((8.0, 0.0), (8.0, 0.0)), {"cpu": 2.0}, {"10.0.0.2"}) == 4


class Cluster:
    """A Ray whose nodes come up one look after the other; ``clock`` stands for the machine's."""

    def __init__(self, *looks: list[Node], private: bool = False) -> None:
        self.states, self.private, self.looks, self.now_s = list(looks), private, 0, 0.0
        self.wanted: list[tuple[int, dict[str, float]]] = []

    def nodes(self) -> list[Node]:
        self.looks += 1
        return self.states[min(self.looks, len(self.states)) - 1]

    def want(self, trials: int, needs: dict[str, float]) -> None:
        self.wanted.append((trials, needs))

    @property
    def clock(self) -> SimpleNamespace:
        def sleep(seconds: float) -> None:
            self.now_s += seconds

        return SimpleNamespace(monotonic=lambda: self.now_s, sleep=sleep)


def test_a_run_on_a_cluster_waits_for_a_worker_of_its_kind_and_shows_the_demand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Workers without a GPU are up first; the study asks for one."""
    cluster = Cluster(*[nodes((0.0, 0.0), (16.0, 0.0))] * 9, nodes((0.0, 0.0), (16.0, 0.0), (16.0, 2.0)))
    said: list[str] = []
    monkeypatch.setattr(resources, "time", cluster.clock)
    needs = wait_for_room(study(resources={"gpus": 1}), cluster, say=said.append)
    assert needs == {"cpu": 1.0, "gpu": 1.0} and cluster.looks == 10
    assert {n for n, _ in cluster.wanted} == {1}
    assert said == ["waiting for a worker with 1 cores and 1 GPUs; the cluster has none yet"]


def test_it_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(nodes((4.0, 0.0)))
    monkeypatch.setattr(resources, "time", cluster.clock)
    with pytest.raises(ClusterError, match="a trial needs 8 cores and no node has that"):
        wait_for_room(study(resources={"cpus": 8}), cluster, say=lambda _: None)
    assert FIRST_WORKER_S <= cluster.now_s <= FIRST_WORKER_S + 1.0


def test_a_private_ray_is_what_it_is() -> None:
    cluster = Cluster(nodes((8.0, 0.0)), private=True)
    with pytest.raises(ClusterError, match=r"a trial needs 1 cores and 0\.5 GPUs and no node has that") as refused:
        wait_for_room(study(resources={"gpus": 0.5}), cluster, say=lambda _: None)
    assert "resources.gpus: 0" in refused.value.fix and cluster.looks == 1
