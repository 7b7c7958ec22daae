"""One Ray for all tests that need none of their own, and the command line in this process or joined to that Ray.

A private Ray costs eight to ten seconds on two cores. Tests about the private Ray, kills or signals start one each, as
``perch`` does by itself; every other run is placed on the one that ``shared_ray`` starts.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

MODULES = Path(__file__).parent / "runs" / "study"
"""Trainables that the shared Ray's workers can import; a study beside a copy of them is the same study."""

CPUS = 2


@contextlib.contextmanager
def as_before() -> Iterator[None]:
    """What a command changes in its process is undone: environment, import path, signal handlers."""
    environment, path = dict(os.environ), list(sys.path)
    handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        sys.path[:] = path
        os.environ.clear()
        os.environ.update(environment)


@pytest.fixture(scope="session")
def shared_ray() -> Iterator[dict[str, str]]:
    """A Ray of two cores in this process. Yields the environment with which a command of its own joins it."""
    from perch.engine.ray_session import session, surroundings

    before = dict(os.environ)
    os.environ.pop("RAY_ADDRESS", None)
    with surroundings([str(MODULES)]) as folder, session(folder, [str(MODULES)], cpus=CPUS):
        import ray

        names = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER")
        join = {name: os.environ[name] for name in names}
        join["RAY_ADDRESS"] = ray.get_runtime_context().gcs_address
        join["PERCH_WORKERS"] = str(CPUS)
        join["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = (
            "0"  # under `uv run`, a test's own ray.init would start workers through it
        )
        os.environ.clear()  # commands that other tests start have a Ray of their own
        os.environ.update(before)
        yield join


@pytest.fixture
def perch_here(
    shared_ray: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """``perch ARGS`` in this process, on the shared Ray: its exit code and what it printed."""
    from perch.cli.main import main

    def call(*args: object) -> tuple[int, str]:
        capsys.readouterr()
        with as_before(), monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["perch", *map(str, args)])
            with pytest.raises(SystemExit) as ended:
                main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    return call
