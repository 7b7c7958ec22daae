"""AHB: ASHA in several brackets."""

from __future__ import annotations

from perch.space import parse_space
from perch.strategies.ahb import Ahb, AhbSettings
from perch.strategies.plan import Plan
from perch.strategies.strategy import New

SPACE = parse_space({"lr": {"float": [0.001, 0.1]}})


def test_each_bracket_begins_one_rung_later() -> None:
    ahb = Ahb(Plan(SPACE, 81, 10))
    assert [[r.epoch for r in bracket] for bracket in ahb.brackets] == [[1, 3, 9, 27], [3, 9, 27], [9, 27]]


def test_a_trials_bracket_depends_on_the_seed_and_its_number_alone() -> None:
    first, second = Ahb(Plan(SPACE, 81, 10, seed=5)), Ahb(Plan(SPACE, 81, 1000, seed=5, workers=9))
    brackets = [first.bracket_of(k) for k in range(200)]
    assert [second.bracket_of(k) for k in reversed(range(200))] == brackets[::-1]
    assert [Ahb(Plan(SPACE, 81, 10, seed=6)).bracket_of(k) for k in range(200)] != brackets
    assert set(brackets) == {0, 1, 2}


def test_the_logged_bracket_counts_and_is_not_drawn_again() -> None:
    ahb = Ahb(Plan(SPACE, 81, 10))
    ahb.applied({"e": "trial", "id": "a", "i": 0, "config": {}, "bracket": 2})
    assert ahb.tell("a", 3, 0.5, 0.0).rung is None
    assert ahb.tell("a", 9, 0.5, 0.0).rung == 9


def test_a_bracket_beyond_the_last_epoch_trains_to_the_end() -> None:
    ahb = Ahb(Plan(SPACE, 5, None), AhbSettings())
    assert [[r.epoch for r in b] for b in ahb.brackets] == [[1, 3], [3], []]
    ahb.applied({"e": "trial", "id": "a", "i": 0, "config": {}, "bracket": 2})
    assert all(ahb.tell("a", epoch, 9.9, 0.0).action == "go" for epoch in range(1, 5))
    assert ahb.tell("a", 5, 9.9, 0.0).action == "stop"


def test_one_bracket_is_asha() -> None:
    ahb = Ahb(Plan(SPACE, 81, 10), AhbSettings(brackets=1))
    answers = [ahb.next_new(0.0)]
    assert all(isinstance(a, New) and a.bracket == 0 for a in answers)
    assert ahb.shares == [1.0]
