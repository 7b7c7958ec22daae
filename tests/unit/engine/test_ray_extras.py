"""What Ray does beside its work is left out, and Ray is as it was afterwards."""

import os
import subprocess
import sys

import pytest
from ray._private.node import Node
from ray.air._internal import usage

from perch.engine.ray_extras import (
    FOR_TRIALS,
    SPARE,
    without_counting_callbacks,
    without_spare_processes,
)


def test_rays_node_has_every_method_that_is_left_out_and_has_them_back_afterwards():
    before = {name: vars(Node)[name] for name in SPARE}
    with pytest.raises(RuntimeError), without_spare_processes():
        assert all(vars(Node)[name] is not method for name, method in before.items())
        raise RuntimeError
    assert {name: vars(Node)[name] for name in SPARE} == before


ENVIRONMENTS = """
import os

from ray.tune.execution.class_cache import _ActorClassCache

from perch.engine.ray_extras import FOR_TRIALS, workers_inherit

class Anything: pass

def asked_for():
    return _ActorClassCache().get(Anything)._default_options["runtime_env"].get("env_vars", {})

with workers_inherit():
    assert asked_for() == {}, asked_for()
asked = asked_for()
assert asked.pop("AWS_SESSION_TOKEN") == "inherited as well"
wanted = {name: value for name, value in asked.items() if os.environ.get(name) != value or name in FOR_TRIALS}
assert wanted == FOR_TRIALS, "Tune asks for something that a private Ray does not have"
"""


def test_workers_of_a_private_ray_have_from_its_start_what_tune_would_ask_for_and_are_not_started_anew():
    """In a process of its own: another test's Ray may be up in this one."""
    env = {**os.environ, **FOR_TRIALS, "AWS_SESSION_TOKEN": "inherited as well"}
    done = subprocess.run([sys.executable, "-c", ENVIRONMENTS], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("setting", "counted"), [("0", False), ("1", True), (None, True)])
def test_callbacks_are_counted_only_where_usage_statistics_are_on(setting, counted, monkeypatch):
    before = usage.tag_callbacks
    monkeypatch.delenv("RAY_USAGE_STATS_ENABLED", raising=False)
    if setting is not None:
        monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", setting)
    with without_counting_callbacks():
        assert (usage.tag_callbacks is before) == counted
    assert usage.tag_callbacks is before


def test_tune_calls_what_is_left_out_through_its_module():
    """Else the replacement would have no effect."""
    script = "import ray.tune.tune as t, ray.air._internal.usage as u; assert t.air_usage is u"
    subprocess.run([sys.executable, "-c", script], check=True)
