"""A private Ray that does not come up in the time that Ray gives it is started again; any other failure is said at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from perch.engine import ray_session
from perch.engine.ray_session import START_TRIES

LATE = "The current node timed out during startup. This could happen because some of the raylet failed to startup."
NO_GCS = "Timed out waiting for file /tmp/perch-1/r/session_1/gcs_server_port_1"


@pytest.mark.parametrize(
    ("failures", "words", "starts"),
    [(0, LATE, 1), (START_TRIES - 1, LATE, START_TRIES), (1, NO_GCS, 2), (1, "no memory", None)],
)
def test_how_often_it_is_started(
    failures: int, words: str, starts: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def init(folder: Path, cpus: int | None) -> None:
        done.append("start")
        if done.count("start") <= failures:
            raise RuntimeError(words)

    monkeypatch.setattr(ray_session, "_init", init)
    monkeypatch.setattr(ray_session, "_shutdown", lambda: done.append("end"))
    if starts is None:
        with pytest.raises(RuntimeError, match=words):
            ray_session._start(tmp_path, 1)
        assert done == ["start"]
    else:
        ray_session._start(tmp_path, 1)
        assert done.count("start") == starts and done.count("end") == failures


def test_after_the_last_try_the_failure_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []

    def init(folder: Path, cpus: int | None) -> None:
        tries.append(1)
        raise RuntimeError(LATE)

    monkeypatch.setattr(ray_session, "_init", init)
    monkeypatch.setattr(ray_session, "_shutdown", lambda: None)
    with pytest.raises(RuntimeError, match="timed out"):
        ray_session._start(tmp_path, 1)
    assert len(tries) == START_TRIES
