"""What the adapter answers to Tune, without a cluster."""

from types import SimpleNamespace

import pytest
from ray.tune.utils.object_cache import _ObjectCache

from perch.engine.needs import Request
from perch.engine.ray_session import Node
from perch.engine.signals import Leave, leaving
from perch.engine.tune import Search, TuneEngine


def engine(**changes):
    campaign = SimpleNamespace(failure=None, ending=None, worker_slots=1)
    calls = {"extra_config": dict, "classify": str, "on_tick": lambda: None, "on_start": lambda: None}
    return TuneEngine(campaign, None, None, {}, attempt=1, **{**calls, **changes})


def test_an_error_of_our_own_ends_tunes_wait_for_a_next_trial():
    """Tune asks again and again for minutes while no trial runs; an answer of None would keep it waiting."""

    def broken():
        raise RuntimeError("the disk is gone")

    one = engine(on_tick=broken)
    with pytest.raises(Leave):
        Search(one).next_trial()
    assert str(one.campaign.failure) == "the disk is gone"


def test_a_second_signal_inside_rays_compiled_code_leaves_as_anywhere_else():
    """Cython reports an exception from a signal's handler as a SystemError with the exception as its cause."""
    with leaving():
        raise Leave
    with leaving():
        try:
            raise Leave
        except Leave as leave:
            raise SystemError("wait returned a result with an exception set") from leave
    with pytest.raises(SystemError, match="another"), leaving():
        raise SystemError("another")


def test_idle_workers_are_kept_while_suggestions_are_awaited_and_freed_at_the_end():
    """Tune's own cache, of which Perch sets the size."""
    cache = _ObjectCache(may_keep_one=True)
    one = engine()
    one.workers.controller = SimpleNamespace(_actor_cache=cache, _pending_trials=set())
    one.workers.usual, one.campaign.worker_slots = "one CPU", 3
    assert [cache.cache_object("one CPU", w) for w in "ab"] == [True, False], "what Tune does by itself"
    one.keep_workers()
    one.keep_workers()
    assert [cache.cache_object("one CPU", w) for w in "bcd"] == [True, True, False]
    assert list(cache.flush_cached_objects()) == []
    one.campaign.ending = "done"
    one.keep_workers()
    assert cache.total_max_objects == 0 and list(cache.flush_cached_objects(force_all=True)) == ["a", "b", "c"]


def waiting(name, off):
    """A Tune trial that waits for a worker, kept off the nodes of these ids."""
    return SimpleNamespace(trial_id=name, perch_placed_s=0.0, perch_request=Request(off=frozenset(off)))


def test_a_placement_whose_nodes_have_all_gone_is_taken_back_and_made_anew():
    """Ray would keep it waiting for ever, and the run with it."""
    pending = {"a": waiting("a", {"id1"}), "b": waiting("b", {"id2"}), "c": waiting("c", {"id1"})}
    stopped, withdrawn = [], []
    one = engine()
    one.campaign.withdrawn = withdrawn.append
    one.controller = one.workers.controller = SimpleNamespace(
        _pending_trials=list(pending.values()), _schedule_trial_stop=lambda trial: stopped.append(trial.trial_id),
        _trial_to_actor=SimpleNamespace(get=lambda trial: trial.trial_id),
        _actor_manager=SimpleNamespace(_live_actors_to_ray_actors_resources={"c": ("its worker", None)}),
    )  # fmt: skip
    one.see([Node("id1", "10.0.0.1", 2.0, 0.0), Node("id2", "10.0.0.2", 2.0, 0.0)])
    assert stopped == []
    one.see([Node("id1", "10.0.0.1", 2.0, 0.0)])
    assert stopped == withdrawn == ["a"], "b may use the node that is left, and c has its worker"
    assert pending["a"].perch_stopped
    stopped.clear()
    one.see([])
    assert stopped == [], "an autoscaler may bring one"
