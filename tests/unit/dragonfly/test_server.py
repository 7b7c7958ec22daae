"""The real Dragonfly, in its own environment: what the repairs promise."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

from perch.space import parse_space
from perch.strategies.searchers.dragonfly import STOCK_FIRST
from perch.strategies.searchers.observations import Observation
from perch.strategies.searchers.prefetch import Question, Reply
from perch.suggesting import dragonfly
from perch.suggesting.dragonfly import DragonflyProcess

pytestmark = [
    pytest.mark.skipif(
        dragonfly.python() is None, reason="Dragonfly's environment is not built; 'make dragonfly' builds it"
    ),
    pytest.mark.timeout(600),
]

SPACE = parse_space(
    {
        "lr": {"float": [0.001, 0.1], "log": True},
        "width": {"int": [8, 128], "log": True},
        "layers": {"int": [1, 12]},
        "batch": {"choice": [40, 61, 79, 102]},
        "pooling": {"choice": ["mean", True, 1]},
        "where": "width * layers <= 600",
    }
)


def loss(config: dict[str, Any]) -> float:
    """A bowl with its bottom at lr = 0.01, three layers."""
    return math.log10(config["lr"] / 0.01) ** 2 + ((config["layers"] - 3) / 6) ** 2


def results(n: int) -> tuple[Observation, ...]:
    """Random configurations; every seventh failed, one exploded."""
    drawn = [SPACE.draw(0, k) for k in range(n)]
    return tuple(Observation(c, None if k % 7 == 6 else 1e9 if k == 3 else loss(c)) for k, c in enumerate(drawn))


@pytest.fixture(scope="module")
def port() -> Iterator[DragonflyProcess]:
    one = DragonflyProcess(SPACE, 5, wait=True)
    yield one
    one.close()


def ask(port: DragonflyProcess, number: int, known: int, pending: tuple[Any, ...] = ()) -> Reply:
    reply = port.ask(Question(number, results(known), pending))
    assert reply is not None
    assert not reply.trouble
    return reply


def test_a_suggestion_lies_in_the_space_and_honours_its_conditions(port: DragonflyProcess) -> None:
    for number in range(20, 26):
        config = ask(port, number, 16).config
        assert list(SPACE.problems(config)) == []


def test_an_answer_depends_on_the_seed_and_its_question_alone(port: DragonflyProcess) -> None:
    """Other questions in between, and another process: as after a kill."""
    pending = (SPACE.draw(9, 1), SPACE.draw(9, 2))
    first = port.ask(Question(30, results(17), pending))
    assert first is not None
    ask(port, 31, 12)
    fresh = DragonflyProcess(SPACE, 5, wait=True)
    try:
        again = fresh.ask(Question(30, results(17), pending))
        assert again is not None
        assert (again.config, again.note["acq"]) == (first.config, first.note["acq"])
        fresh.reopen(SPACE, 6)
        other = fresh.ask(Question(30, results(17), pending))
        assert other is not None
        assert other.config != first.config
    finally:
        fresh.close()


def test_trials_in_progress_count(port: DragonflyProcess) -> None:
    """With the point it would suggest in progress, it suggests another one."""
    alone = ask(port, 40, 15).config
    assert ask(port, 40, 15, (alone,)).config != alone


def test_the_surrogate_is_rebuilt_as_results_come(port: DragonflyProcess) -> None:
    assert [ask(port, 50, n).note["built"] for n in (4, 8, 12, 20)] == [3, 6, 11, 17]


def test_it_finds_the_bowl(port: DragonflyProcess) -> None:
    """Eight suggestions after twenty random points are better than those twenty, in spite of failures."""
    random = min(t.value for t in results(20) if t.value is not None)
    known = list(results(20))
    for number in range(60, 68):
        reply = port.ask(Question(number, tuple(known), ()))
        assert reply is not None
        known.append(Observation(reply.config, loss(reply.config), reply.note))
    assert min(t.value for t in known[20:] if t.value is not None) < random


@pytest.mark.parametrize("unit", [1e6, 1e-6])
def test_the_unit_of_the_losses_is_of_no_concern(unit: float) -> None:
    """Losses in J/mol or in MeV: its samplers walk in steps of one, and would never arrive."""
    told = [t for t in results(19) if t.value is None or t.value < 1e6]
    one = DragonflyProcess(SPACE, 5, wait=True, ask_limit_s=60.0)
    try:
        known = [Observation(t.config, None if t.value is None else t.value * unit) for t in told]
        reply = one.ask(Question(20, tuple(known), ()))
        assert reply is not None
        assert not reply.trouble
        best = sorted(loss(t.config) for t in told if t.value is not None)
        assert loss(reply.config) < best[len(best) // 2], "it has learned from them"
        assert one.deaths == []
    finally:
        one.close()


@pytest.mark.slow
def test_stock_dragonfly_makes_one_surrogate_for_ever() -> None:
    """Without the exploded trial: its kernel parameters are sampled in steps of one, and 1e9 is never reached."""
    told = tuple(t for t in results(13) if t.value is None or t.value < 1e6)
    one = DragonflyProcess(SPACE, 5, wait=True, stock=True)
    try:
        notes = []
        for number, known in ((0, 0), (STOCK_FIRST - 1, 0), (STOCK_FIRST, 4), (STOCK_FIRST + 1, 12)):
            reply = one.ask(Question(number, told[:known], (), built=min(known, 4)))
            assert reply is not None
            assert not reply.trouble
            notes.append(reply.note)
        assert [n["stock"] for n in notes] == ["initial", "initial", "asked", "asked"]
        assert [n.get("built") for n in notes] == [None, None, 4, 4]
    finally:
        one.close()
