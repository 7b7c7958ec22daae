"""A command's Ray, private or joined, in a process of its own: Ray reads its settings once, when it is first imported."""

import os
import secrets
import subprocess
import sys

import pytest
from tests.patience import LIMIT_S

from perch.engine.ray_session import is_loopback

SESSION = """
import os
from perch.engine.ray_session import session, surroundings

with surroundings([]) as folder:
    import ray
    with session(folder, []):
        env = ray.get(ray.remote(lambda: dict(os.environ)).remote())
        assert env["RAY_AUTH_MODE"] == "token" and env["RAY_AUTH_TOKEN_PATH"] == f"{folder}/token", env
        assert (folder / "token").stat().st_mode & 0o077 == 0
        assert env["PL_DISABLE_FORK"] == "1" and env["RAY_CHDIR_TO_TRIAL_DIR"] == "0", env
        from ray.tune.execution import class_cache
        assert not class_cache.DEFAULT_ENV_VARS, "trials would not get the workers that were started in advance"
        assert not ray.get_runtime_context().runtime_env, ray.get_runtime_context().runtime_env
assert "RAY_AUTH_MODE" not in os.environ and not folder.exists() and class_cache.DEFAULT_ENV_VARS
"""

FIRST = "import ray"
UNDER_UV_RUN = """
import ray
from ray._private.runtime_env import uv_runtime_env_hook

uv_runtime_env_hook._get_uv_run_cmdline = lambda: ["uv", "run", "--frozen", "perch"]
"""
NO_TOKEN = """
from pathlib import Path

assert not (Path.home() / ".ray" / "auth_token").exists(), "Ray's own token lies open in the home folder"
"""
OWN_AFTERWARDS = """
ray._private.ray_constants.RAY_ENABLE_UV_RUN_RUNTIME_ENV = False  # the tests may run under uv themselves
ray.init(num_cpus=1, include_dashboard=False)
assert ray.get(ray.remote(lambda: 1).remote()) == 1
"""


def python(script, env):
    """Run a script in a process of its own."""
    command = [sys.executable, "-c", script]
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, env=env, check=False)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(UNDER_UV_RUN + SESSION + SESSION, id="twice, in a program of uv run that imported Ray"),
        pytest.param(FIRST + SESSION + NO_TOKEN + OWN_AFTERWARDS, id="and starts a Ray of its own afterwards"),
    ],
)
def test_it_has_a_token_of_its_own_and_starts_its_workers_itself(script, tmp_path):
    """Through uv each worker would resolve the project again, in a copy of it, and may find no uv there."""
    done = python(script, {**os.environ, "HOME": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    ours_alone = OWN_AFTERWARDS not in script
    assert (tmp_path / ".ray" / "auth_token").exists() != ours_alone, "Ray's own token lies open in the home folder"


JOINED = """
from perch.engine.ray_session import session, surroundings

with surroundings([]) as folder:
    assert folder is None
    import ray
    with session(folder, []) as joined:
        assert not joined.private and ray.get(ray.remote(lambda: 1).remote()) == 1
        from ray.tune.execution import class_cache
        assert class_cache.DEFAULT_ENV_VARS and "RAY_CHDIR_TO_TRIAL_DIR" in class_cache.ENV_VARS_TO_PROPAGATE
        assert not ray.get_runtime_context().runtime_env, ray.get_runtime_context().runtime_env
"""


def test_workers_of_a_cluster_that_is_joined_do_not_start_through_uv_either(shared_ray):
    done = python(UNDER_UV_RUN + JOINED, {**os.environ, **shared_ray, "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "1"})
    assert done.returncode == 0, done.stderr


CLUSTER = """
import ray

up = ray.init(num_cpus=1, include_dashboard=False, logging_level="ERROR")
print("gcs", up.address_info["gcs_address"], flush=True)
input()
"""


def test_a_cluster_on_all_addresses_is_joined_at_this_machines_own(tmp_path):
    """As ``ray start --head`` leaves one; Ray by itself would ask for 127.0.0.1 at the machine's other address."""
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    env = {**os.environ, **token, "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}
    with subprocess.Popen(
        [sys.executable, "-c", CLUSTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
    ) as cluster:
        assert cluster.stdout is not None
        address = next(line.split()[1] for line in cluster.stdout if line.startswith("gcs "))
        there = python(JOINED, {**env, "RAY_ADDRESS": address})
        here = python(JOINED, {**env, "RAY_ADDRESS": f"127.0.0.1:{address.rpartition(':')[2]}"})
        cluster.communicate("\n")
    assert there.returncode == 0, there.stderr
    assert here.returncode == 0, here.stderr


@pytest.mark.parametrize(
    ("address", "own"),
    [
        ("127.0.0.1:6379", True), ("127.0.1.1:6379", True), ("localhost:6379", True), ("[::1]:6379", True),
        ("ray://localhost:10001", True), ("10.0.0.7:6379", False), ("auto", False), ("head.local:6379", False),
        ("[fd00::7]:6379", False),
    ],
)  # fmt: skip
def test_which_addresses_are_this_machines_own(address, own):
    assert is_loopback(address) == own
