"""The process port: starts late, never blocks, survives deaths, and gives up after three."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from perch.errors import StrategyError
from perch.space import parse_space
from perch.strategies.plan import Plan
from perch.strategies.searchers.observations import Observation
from perch.strategies.searchers.prefetch import Question, Reply
from perch.suggesting import dragonfly
from perch.suggesting.dragonfly import DragonflyProcess

SPACE = parse_space({"x": {"float": [0.0, 10.0]}, "only": {"choice": ["this"]}, "fixed": 3})
FAKE = Path(__file__).with_name("fake_server.py")

Make = Callable[..., DragonflyProcess]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Ports to a fake server that has the given trouble; all closed at the end."""
    made: list[DragonflyProcess] = []

    def one(trouble: dict[int, str] | None = None, **options: Any) -> DragonflyProcess:
        command = [sys.executable, str(FAKE), json.dumps(trouble or {}), str(tmp_path)]
        made.append(DragonflyProcess(SPACE, 0, **{"command": command, "wait": True, **options}))
        return made[-1]

    yield one
    for port in made:
        port.close()


def question(number: int, results: int = 0) -> Question:
    return Question(number, tuple(Observation({"x": k / 10}, float(k)) for k in range(results)), ())


def test_an_answer_comes_with_what_the_server_was_not_asked_about(make: Make) -> None:
    reply = make().ask(question(12, results=3))
    assert reply is not None
    assert reply.config == {"x": 3.12, "only": "this"}
    assert reply.ask_s > 0


def test_asking_never_blocks(make: Make) -> None:
    port = make({1: "hang"}, wait=False)
    begun = time.monotonic()
    assert port.ask(question(1)) is None
    assert port.ask(question(1)) is None
    assert time.monotonic() - begun < 300, "the server hangs for ten minutes"


def test_a_dead_process_is_started_again_and_asked_again(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    port = make({2: "die"})
    with caplog.at_level(logging.WARNING, "perch.dragonfly"):
        assert [port.ask(question(n)).config["x"] for n in (1, 2, 3)] == [0.01, 0.02, 0.03]  # type: ignore[union-attr]
    assert len(port.deaths) == 1
    assert "status 7 (out of memory)" in port.deaths[0]
    assert "started again" in caplog.text


@pytest.mark.parametrize("trouble", ["hang", "babble"])
def test_silence_and_nonsense_are_deaths_too(make: Make, trouble: str) -> None:
    port = make({1: trouble}, ask_limit_s=1.0)
    assert port.ask(question(1)).config["x"] == 0.01  # type: ignore[union-attr]
    assert len(port.deaths) == 1


def test_after_three_deaths_it_is_given_up_loudly(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    port = make({5: "always die"})
    with caplog.at_level(logging.ERROR, "perch.dragonfly"):
        for number in (5, 6):
            reply = port.ask(question(number))
            assert reply is not None
            assert "given up after 3 deaths" in reply.trouble
    assert port.lost
    assert len(port.deaths) == 3
    assert "RANDOM SEARCH" in caplog.text


def test_deaths_are_forgiven_after_an_hour(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    port, now_s = make({5: "always die"}), [0.0]
    monkeypatch.setattr(port, "_now_s", lambda: now_s[0])
    assert "given up" in port.ask(question(5)).trouble  # type: ignore[union-attr]
    now_s[0] = 3599.0
    assert port.lost and "given up" in port.ask(question(6)).trouble  # type: ignore[union-attr]
    now_s[0] = 3601.0
    assert not port.lost and port.ask(question(7)).config["x"] == 0.07  # type: ignore[union-attr]
    assert len(port.deaths) == 3


def test_the_process_is_sent_what_it_does_not_know_and_all_of_it_after_a_death(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, sent = make({4: "die", 6: "error"}), []
    usual = port._exchange

    def watched(line: dict[str, Any], limit_s: float) -> dict[str, Any]:
        if line["do"] == "ask":
            sent.append((line["number"], line["from"], len(line["results"])))
        return usual(line, limit_s)

    monkeypatch.setattr(port, "_exchange", watched)
    results = question(0, results=9).results
    asked = [(1, 3), (2, 5), (3, 5), (4, 6), (5, 4), (6, 8), (7, 9), (8, 9)]
    answers = [port.ask(Question(number, results[:count], ())) for number, count in asked]
    found = [round(a.config["x"] - n / 100) for a, (n, _) in zip(answers, asked, strict=True) if a and not a.trouble]
    assert found == [3, 5, 5, 6, 4, 9, 9], "the process knows as many results as the question holds"
    assert sent == [
        (1, 0, 3), (2, 3, 2), (3, 5, 0), (4, 5, 1), (4, 0, 6), (5, 4, 0), (6, 4, 4), (7, 0, 9), (8, 9, 0),
    ]  # fmt: skip
    port.ask(Question(9, question(0, results=9).results, ()))
    assert sent[-1] == (9, 0, 9), "other results are not taken for those that are known"


def test_trouble_with_one_question_is_not_a_death(make: Make) -> None:
    port = make({4: "error"})
    assert port.ask(question(4)) == Reply(trouble="LinAlgError: not positive definite", ask_s=pytest.approx(0, abs=60))
    assert port.ask(question(5)).config["x"] == 0.05  # type: ignore[union-attr]
    assert port.deaths == []


def test_prepared_it_is_there_before_the_first_question(make: Make) -> None:
    port = make(wait=False)
    assert port._thread is None
    port.prepare()
    port.prepare()
    assert port._questions.qsize() <= 1, "one start, however often it is asked for"
    port._wait = True
    assert port.ask(question(1)).config["x"] == 0.01  # type: ignore[union-attr]
    assert port._line == 2, "opened once"


def test_waiting_ends_when_a_reply_comes(make: Make) -> None:
    port = make(wait=False)
    begun = time.monotonic()
    while port.ask(question(1)) is None:
        port.wait(600)
    assert time.monotonic() - begun < 500, "not one wait went to its end"
    port.wait(0.01)
    assert port.ask(question(1)) is not None


def test_a_process_that_does_not_come_up_is_a_death_and_no_more(make: Make) -> None:
    port = make(command=["/nowhere/python"])
    port.prepare()
    reply = port.ask(question(1))
    assert reply is not None
    assert "given up after 3 deaths" in reply.trouble
    assert "/nowhere/python" in reply.trouble


def test_closing_ends_the_process(make: Make) -> None:
    port = make()
    port.ask(question(1))
    process = port._process
    assert process is not None
    port.close()
    assert process.poll() is not None


def test_closing_at_once_leaves_neither_process_nor_thread(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closed while the process is being started: close() cannot see it yet, and it would wait for its first answer."""
    port = make({1: "hang"}, wait=False)
    started: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def closing(*args: Any, **options: Any) -> subprocess.Popen[bytes]:
        port._closed = True
        started.append(real(*args, **options))
        return started[0]

    monkeypatch.setattr("perch.suggesting.process.subprocess.Popen", closing)
    port.ask(question(1))
    port._questions.put("end")
    assert port._thread is not None
    port._thread.join(20)
    assert not port._thread.is_alive()
    assert started[0].poll() is not None
    assert port.deaths == [], "it did not die, it was ended"


def test_the_run_goes_on_with_random_search_when_it_is_given_up(make: Make) -> None:
    from perch.simulate import PowerLaw, simulate
    from perch.strategies.registry import build

    plan = Plan(SPACE, epochs=2, trials=20, seed=1, workers=2)
    port = make({12: "always die"})
    spec = {"name": "bo", "initial": 5}
    events = list(simulate(build(spec, plan, dragonfly.searcher(spec, plan, port=port)), PowerLaw(SPACE), workers=2))
    by = [e["by"] for e in events if e["e"] == "trial"]
    assert by[:5] == ["design"] * 5
    assert set(by[5:12]) == {"dragonfly"}
    assert all(b.startswith("random (dragonfly: given up after 3 deaths") for b in by[12:])
    assert len(by) == 20


# --- finding it ----------------------------------------------------------------------------------------------------------


def test_a_missing_environment_says_how_to_build_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERCH_DRAGONFLY_PYTHON", "/nowhere/python")
    plan = Plan(SPACE, 2)
    with pytest.raises(StrategyError, match="not installed") as caught:
        dragonfly.searcher("asha-bo", plan)
    assert "make dragonfly" in caught.value.fix
    assert dragonfly.searcher("asha", plan) is None, "other strategies are not concerned"
    ok, message, fix = dragonfly.status()
    assert not ok
    assert "/nowhere/python" in message
    assert "make dragonfly" in fix


def test_a_broken_environment_is_seen_by_the_doctor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'ImportError: no numpy' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PERCH_DRAGONFLY_PYTHON", str(broken))
    assert dragonfly.status()[:2] == (False, "Dragonfly cannot be imported: ImportError: no numpy")


def test_no_secret_of_this_process_mixes_the_two_pythons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    assert "PYTHONPATH" not in dragonfly._environment()


def test_the_space_in_the_servers_words() -> None:
    space = parse_space(
        {"w": {"int": [8, 64], "log": True}, "only": {"choice": [1]}, "where": "w * only < 50", "f": "x"}
    )
    assert dragonfly.describe(space) == {
        "axes": [{"name": "w", "int": [8, 64], "log": True}],
        "fixed": {"f": "x", "only": 1},
        "where": ["w * only < 50"],
    }
