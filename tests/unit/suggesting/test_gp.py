"""Optuna's Gaussian process in its own process: the same answers as in this one, none of the waiting, and its end."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from tests.patience import LIMIT_S

from perch.errors import StrategyError
from perch.simulate import PowerLaw, differences, simulate
from perch.space import parse_space
from perch.strategies.plan import Plan
from perch.strategies.registry import build
from perch.strategies.searchers.multifidelity import MultiFidelity
from perch.strategies.searchers.observations import Observation
from perch.strategies.searchers.optuna import GaussianProcess
from perch.strategies.searchers.prefetch import Question
from perch.suggesting import gp
from perch.suggesting.gp import GpProcess

pytest.importorskip("optuna")

SPACE = parse_space(
    {
        "lr": {"float": [0.001, 0.1], "log": True},
        "layers": {"int": [1, 8]},
        "width": {"int": [8, 128], "log": True},
        "flag": {"choice": [True, 1, "one"]},
        "only": {"choice": ["this"]},
        "pooling": "mean",
        "where": "width * layers <= 300",
    }
)
PLAN = Plan(SPACE, epochs=3, trials=8, seed=2, workers=2)
SPEC = {"name": "asha-gp", "initial": 5}


@pytest.fixture(scope="module")
def port() -> Iterator[GpProcess]:
    one = GpProcess(SPACE, 2, wait=True)
    yield one
    one.close()


def question(number: int, results: int = 9, pending: int = 2) -> Question:
    drawn = [SPACE.draw(0, k) for k in range(results)]
    told = [Observation(c, None if k == 3 else c["lr"] * c["layers"]) for k, c in enumerate(drawn)]
    keys = list(SPACE.dimensions)
    return Question(number, tuple(told), tuple({k: SPACE.draw(1, n)[k] for k in keys} for n in range(pending)))


@pytest.mark.parametrize("number", [12, 13])
def test_it_answers_as_the_model_in_this_process_does(port: GpProcess, number: int) -> None:
    reply = port.ask(question(number))
    assert reply is not None
    assert not reply.trouble
    assert reply.ask_s > 0
    assert reply.config == GaussianProcess(SPACE, 2)(question(number)).config
    assert type(reply.config["flag"]) in (bool, int, str)
    assert list(SPACE.problems(SPACE.complete(reply.config))) == []


def test_a_run_with_it_is_the_run_without_it_and_goes_on_after_a_kill(port: GpProcess) -> None:
    """Equal events but for how long the asks took; after a kill a fresh process decides what the log says."""
    port.open_anew({"do": "open", "space": SPACE.spec(), "seed": 2}, {})

    def events(searcher: Any) -> list[dict[str, Any]]:
        return list(simulate(build(SPEC, PLAN, searcher), PowerLaw(SPACE, seed=1), workers=2))

    log = events(gp.searcher(SPEC, PLAN, port=port))
    assert log == events(None)
    trials = [e for e in log if e["e"] == "trial"]
    assert [t["by"] for t in trials] == ["design"] * 5 + ["gp"] * 3
    assert all({"seen", "pending"} <= set(t["note"]) for t in trials[5:]), "what an ask had seen is recorded"
    fresh = GpProcess(SPACE, 2, wait=True)
    try:
        strategy = build(SPEC, PLAN, gp.searcher(SPEC, PLAN, port=fresh))
        assert list(differences(strategy, log, trusted=int(0.6 * len(log)))) == []
    finally:
        fresh.close()


def test_asking_never_blocks_and_the_thread_of_whoever_asks_is_free() -> None:
    """The process is not even up yet, and whoever asks has its answer, None, at once; the reply comes by itself."""
    one = GpProcess(SPACE, 2)
    try:
        longest = 0.0
        until = time.monotonic() + LIMIT_S
        came = threading.Event()
        while not came.is_set() and time.monotonic() < until:
            begun = time.thread_time()
            reply = one.ask(question(12))
            longest = max(longest, time.thread_time() - begun)
            if reply is not None:
                came.set()
            came.wait(0.05)
        assert came.is_set()
        assert longest < 0.05, "a suggestion costs tenths of a second, which this thread did not spend"
    finally:
        one.close()


def test_trouble_with_one_question_is_an_error_and_no_death(port: GpProcess) -> None:
    reply = port.ask(Question(20, (Observation({"lr": 0.01}, 1.0), *question(0).results), ()))
    assert reply is not None
    assert "KeyError" in reply.trouble
    assert port.deaths == []


def test_it_ends_with_whoever_started_it() -> None:
    """Its input ends when its parent dies, at whatever moment."""
    child = subprocess.Popen(
        [sys.executable, "-m", "perch.suggesting.gp_server"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    assert child.stdin is not None
    child.stdin.write(b'{"id": 1, "do": "open", "space": {"lr": {"float": [0.001, 0.1]}}, "seed": 0}\n')
    child.stdin.close()
    assert child.wait(LIMIT_S) == 0


def test_other_strategies_are_not_concerned_and_nothing_starts_by_itself() -> None:
    assert gp.searcher("asha", PLAN) is None
    searcher = gp.searcher("gp", PLAN)
    assert searcher is not None
    assert searcher._port._thread is None  # type: ignore[attr-defined]


def test_without_optuna_a_run_is_refused_before_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gp, "find_spec", lambda name: None)
    with pytest.raises(StrategyError, match="Optuna is not installed"):
        gp.searcher("asha-gp", PLAN)


def test_the_process_over_configuration_and_epoch_answers_as_in_this_process_and_foretells_who_waits() -> None:
    drawn = [{k: SPACE.draw(0, n)[k] for k in SPACE.dimensions} for n in range(9)]
    results = tuple(
        Observation(c, c["lr"] * c["layers"] / e, {"epoch": e})
        for n, c in enumerate(drawn)
        for e in (1, 3)[: 1 + n % 2]
    )
    asked = Question(9, results, (drawn[0],), waiting=(("00003", drawn[3]), ("00004", drawn[4])))
    with closing(GpProcess(SPACE, 2, epochs=27, wait=True)) as one:
        reply = one.ask(asked)
    here = MultiFidelity(SPACE, 2, 27)(asked)
    assert reply is not None
    assert not reply.trouble
    assert (reply.config, reply.note) == (here.config, here.note)
    assert [name for name, _ in reply.note["promise"]] == ["00003", "00004"]


def test_each_strategy_gets_the_process_that_it_asks() -> None:
    found = {name: gp.searcher(name, PLAN) for name in ("gp", "asha-gp", "asha-mf", "asha", "tpe")}
    assert {name for name, one in found.items() if one is not None} == {"gp", "asha-gp", "asha-mf"}
    assert found["asha-mf"] is not None
    assert found["asha-mf"].name == "mf"
