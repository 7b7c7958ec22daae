"""What a trial needs of a cluster, how many trials fit it, and how long a run waits for its first worker."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from tests.unit.hand_made import study

from perch.errors import ClusterError
from perch.runs import resources
from perch.runs.resources import FIRST_WORKER_S, first_capacity, slots, trial_resources


@pytest.mark.parametrize(
    ("asked", "gpus_there", "expected"),
    [
        ({}, 0.0, {"cpu": 1.0}),
        ({}, 4.0, {"cpu": 1.0, "gpu": 1.0}),
        ({"cpus": 2, "gpus": 0.25}, 4.0, {"cpu": 2.0, "gpu": 0.25}),
        ({"cpus": 2, "gpus": 0}, 4.0, {"cpu": 2.0}),
        ({"gpus": 0}, 0.0, {"cpu": 1.0}),
    ],
)
def test_a_trial_gets_what_the_study_says_and_a_gpu_where_it_says_nothing_and_there_are_some(
    asked: dict[str, float], gpus_there: float, expected: dict[str, float]
) -> None:
    assert trial_resources(study(resources=asked), {"CPU": 8.0, "GPU": gpus_there}) == expected


def test_a_gpu_that_is_not_there_is_one_clear_error() -> None:
    with pytest.raises(ClusterError, match=r"a trial needs 0\.5 GPUs and there is none") as refused:
        trial_resources(study(resources={"gpus": 0.5}), {"CPU": 8.0, "GPU": 0.0})
    assert "resources.gpus: 0" in refused.value.fix


@pytest.mark.parametrize(
    ("capacity", "needs", "fit"),
    [
        ({"CPU": 8.0, "GPU": 0.0}, {"cpu": 1.0}, 8),
        ({"CPU": 8.0, "GPU": 0.0}, {"cpu": 3.0}, 2),
        ({"CPU": 2.0, "GPU": 0.0}, {"cpu": 3.0}, 0),
        ({"CPU": 8.0, "GPU": 2.0}, {"cpu": 1.0, "gpu": 1.0}, 2),
        ({"CPU": 3.0, "GPU": 2.0}, {"cpu": 1.0, "gpu": 0.25}, 3),
        ({"CPU": 64.0, "GPU": 1.0}, {"cpu": 1.0, "gpu": 0.1}, 10),
        ({"CPU": 1.2, "GPU": 0.0}, {"cpu": 0.4}, 3),
    ],
)
def test_as_many_trials_fit_as_the_scarcer_of_cores_and_gpus_allows(
    capacity: dict[str, float], needs: dict[str, float], fit: int
) -> None:
    """Tenths of a GPU add up: 1 / 0.1 is ten trials, not nine."""
    assert slots(capacity, needs) == fit


class Cluster:
    """A Ray whose workers come up one look after the other; ``clock`` stands for the machine's."""

    def __init__(self, *cpus: float, private: bool = False) -> None:
        self.cpus, self.private, self.looks, self.now_s = list(cpus), private, 0, 0.0

    def capacity(self) -> dict[str, float]:
        self.looks += 1
        return {"CPU": self.cpus[min(self.looks, len(self.cpus)) - 1], "GPU": 0.0}

    @property
    def clock(self) -> SimpleNamespace:
        def sleep(seconds: float) -> None:
            self.now_s += seconds

        return SimpleNamespace(monotonic=lambda: self.now_s, sleep=sleep)


def test_a_run_on_a_cluster_waits_for_its_first_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(0.0, 0.0, 0.0, 16.0, 32.0)
    monkeypatch.setattr(resources, "time", cluster.clock)
    assert first_capacity(study(), cluster) == {"CPU": 16.0, "GPU": 0.0}
    assert cluster.looks == 4


def test_a_worker_too_small_for_a_trial_is_not_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(1.0, 1.0, 4.0)
    monkeypatch.setattr(resources, "time", cluster.clock)
    assert first_capacity(study(resources={"cpus": 4}), cluster)["CPU"] == 4.0


def test_it_does_not_wait_for_ever_since_placing_makes_an_autoscaler_act(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(0.0)
    monkeypatch.setattr(resources, "time", cluster.clock)
    assert first_capacity(study(), cluster)["CPU"] == 0.0
    assert FIRST_WORKER_S <= cluster.now_s <= FIRST_WORKER_S + 1.0


def test_a_private_ray_is_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(0.0, private=True)
    monkeypatch.setattr(resources, "time", cluster.clock)
    first_capacity(study(), cluster)
    assert cluster.now_s <= 0.5
