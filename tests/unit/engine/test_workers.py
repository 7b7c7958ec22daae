"""Which of Tune's idle workers are kept, and which trial takes a worker that is free."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from ray.tune.utils.object_cache import _ObjectCache

from perch.engine.needs import Request
from perch.engine.workers import STARTING_S, Workers


class Pending:
    """A Tune trial that does not run yet."""

    def __init__(self, name: str, placed_s: float = 0.0, **request: Any) -> None:
        self.name, self.perch_placed_s, self.perch_request = name, placed_s, Request(**request)


def workers(pending: list[Pending], *, starting: tuple[str, ...] = (), live: tuple[str, ...] = ()) -> Workers:
    """Tune's books: the trials of ``starting`` have a worker that is being started, those of ``live`` one that is there."""
    manager = SimpleNamespace(_live_actors_to_ray_actors_resources={name: (f"actor of {name}", None) for name in live})
    found = Workers()
    found.controller = SimpleNamespace(
        _pending_trials=set(pending), _trial_to_actor={t: t.name for t in pending if t.name in (*starting, *live)},
        _actor_manager=manager, _actor_cache=_ObjectCache(may_keep_one=True),
    )  # fmt: skip
    return found


@pytest.mark.parametrize(
    ("starting", "next_one"),
    [
        ((), "c"),
        (("a", "b"), "c"),
        (("a", "b", "c"), "a"),
        (("b", "c"), "a"),
    ],
)
def test_a_free_worker_goes_to_the_last_trial_for_which_none_is_starting(
    starting: tuple[str, ...], next_one: str
) -> None:
    """So that workers on nodes that have just joined come up, however short the trials of the others are."""
    now = time.monotonic()
    pending = [Pending(name, now + k) for k, name in enumerate("abc")]
    assert workers(pending, starting=starting).next_to_start().name == next_one


def test_no_trial_waits_for_ever_for_a_worker_of_its_own() -> None:
    now = time.monotonic()
    pending = [Pending("a", now - STARTING_S - 1.0), Pending("b", now)]
    assert workers(pending, starting=("a",)).next_to_start().name == "a"


def test_where_nothing_is_pending_nothing_starts() -> None:
    assert workers([]).next_to_start() is None


def test_a_trial_that_needs_other_room_waits_until_it_has_a_worker() -> None:
    special = Pending("a", usual=False)
    assert workers([Pending("b"), special]).waiting_for_room()
    assert workers([special], starting=("a",)).waiting_for_room(), "its worker has no room yet"
    assert not workers([special], live=("a",)).waiting_for_room()
    assert not workers([Pending("b")]).waiting_for_room()


def test_idle_workers_that_nobody_asks_for_any_more_are_given_up() -> None:
    """Else those of before a node was avoided would hold the places of the workers that come after it."""
    found = workers([])
    cache = found.controller._actor_cache
    found.usual = "any node"
    found.keep(2)
    assert [cache.cache_object("any node", w) for w in "ab"] == [True, True]
    found.usual = "not on the third"
    found.keep(2)
    assert list(cache.flush_cached_objects()) == ["a", "b"]
    assert cache.cache_object("not on the third", "c")
    assert not cache.cache_object("any node", "d")
