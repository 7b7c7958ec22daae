"""How many trials a strategy plans for on a cluster whose nodes are not up yet."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.hand_made import study

from perch.errors import ClusterError
from perch.runs.planned import WORKERS_OF_A_CLUSTER, planned_nodes
from perch.runs.strategy import expected_workers


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Any:
    """``cluster(PERCH_CLUSTER=…)`` sets what the launcher or the chart would."""
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    for name in ("PERCH_CLUSTER", "PERCH_WORKERS"):
        monkeypatch.delenv(name, raising=False)

    def say(**environment: str) -> None:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)

    return say


@pytest.mark.parametrize(
    ("said", "resources", "workers"),
    [
        ("4x16:8", {}, 32),  # a GPU each
        ("4x16:8", {"gpus": 0.25, "cpus": 0.5}, 128),
        ("4x16:8", {"cpus": 4}, 16),
        ("4x16:8", {"gpus": 0}, 64),
        ("3x3", {"cpus": 2}, 3),  # what is left over on several nodes does not add up
        ("2x8 1x64:4", {}, 4),
        ("0x8 2x2", {}, 4),
    ],
)
def test_as_many_as_fit_on_its_nodes(cluster: Any, said: str, resources: dict[str, float], workers: int) -> None:
    cluster(PERCH_CLUSTER=said)
    assert expected_workers(study(resources=resources)) == workers


def test_a_number_of_the_users_own_comes_first(cluster: Any) -> None:
    cluster(PERCH_CLUSTER="4x16:8", PERCH_WORKERS="12")
    assert expected_workers(study()) == 12


@pytest.mark.parametrize("said", ["", "2x1"])
def test_a_cluster_of_which_nothing_is_known_or_on_which_nothing_fits(cluster: Any, said: str) -> None:
    cluster(PERCH_CLUSTER=said)
    assert expected_workers(study(resources={"cpus": 4})) == WORKERS_OF_A_CLUSTER


def test_on_one_machine_neither_counts(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster(PERCH_CLUSTER="4x16:8", PERCH_WORKERS="12")
    monkeypatch.delenv("RAY_ADDRESS")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(6)))
    assert expected_workers(study(resources={"cpus": 2})) == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [("PERCH_CLUSTER", "4 nodes"), ("PERCH_CLUSTER", "4x-2"), ("PERCH_CLUSTER", "x8:1"), ("PERCH_WORKERS", "many"), ("PERCH_WORKERS", "0")],
)  # fmt: skip
def test_what_cannot_be_read_is_bad_input(cluster: Any, name: str, value: str) -> None:
    cluster(**{name: value})
    with pytest.raises(ClusterError, match=f"{name} is '") as refused:
        expected_workers(study())
    assert refused.value.exit_code == 2


@given(
    groups=st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 256), st.integers(0, 16) | st.none()), max_size=4
    )
)  # fmt: skip
def test_every_list_of_groups_is_read_as_it_was_written(groups: list[tuple[int, int, int | None]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        text = " ".join(f"{n}x{cpus}" + ("" if gpus is None else f":{gpus}") for n, cpus, gpus in groups)
        patch.setenv("PERCH_CLUSTER", text)
        found = planned_nodes()
    assert len(found) == sum(n for n, _, _ in groups)
    assert sum(node.cpus for node in found) == sum(n * cpus for n, cpus, _ in groups)
    assert sum(node.gpus for node in found) == sum(n * (gpus or 0) for n, _, gpus in groups)
