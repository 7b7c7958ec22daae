"""What is believed of a hyperparameter: how it is written, how values are drawn from it, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perch.dimension import Choice, Dimension, Float, Int
from perch.errors import StudyError
from perch.prior import Prior
from perch.programs.presets import PRESETS
from perch.space import parse_space
from perch.study import parse

SPEC: dict[str, Any] = {
    "lr": {"float": [0.0001, 1.0], "log": True, "prior": {"centre": 0.01, "width": 2.0}},
    "momentum": {"float": [0.0, 1.0], "prior": {"centre": 0.9, "width": 0.1}},
    "layers": {"int": [1, 9], "prior": {"centre": 4, "width": 1.0}},
    "width": {"int": [1, 128], "log": True, "prior": {"centre": 32, "width": 1.5}},
    "optimizer": {"choice": ["adam", "adamw", "sgd"], "prior": {"centre": "adamw", "probability": 0.7}},
    "batch": {"choice": [16, 32, 64]},
    "where": "layers * width <= 600",
}

DIMENSIONS = st.one_of(
    st.tuples(st.builds(Float, st.floats(0.01, 1), st.floats(2, 100), st.booleans()), st.floats(1.05, 50)),
    st.tuples(st.builds(Int, st.integers(1, 5), st.integers(6, 200), st.booleans()), st.floats(1.05, 50)),
)


@given(drawn=DIMENSIONS, at=st.floats(0, 1), us=st.lists(st.floats(0, 1, exclude_max=True), min_size=2, max_size=9))
def test_values_lie_in_the_range_and_rise_with_the_draw(drawn: Any, at: float, us: list[float]) -> None:
    dimension, width = drawn
    prior = Prior(dimension.from_unit(at), width=width)
    values = [prior.from_unit(dimension, u) for u in sorted(us)]
    assert all(dimension.contains(v) for v in values)
    assert values == sorted(values)


def middle(dimension: Dimension, prior: Prior, n: int = 4001) -> list[Any]:
    return sorted(prior.from_unit(dimension, (k + 0.5) / n) for k in range(n))


def test_a_number_is_normal_around_its_centre_in_its_own_unit_or_by_a_factor() -> None:
    plain = middle(Float(0.0, 100.0), Prior(40.0, width=5.0))
    assert plain[len(plain) // 2] == pytest.approx(40.0, abs=0.01)
    assert np.std(plain) == pytest.approx(5.0, rel=0.01)
    log = np.log(middle(Float(1e-6, 1e3, log=True), Prior(0.01, width=3.0)))
    assert log.mean() == pytest.approx(math.log(0.01), abs=0.01)
    assert log.std() == pytest.approx(math.log(3.0), rel=0.01)
    whole = middle(Int(1, 100), Prior(50, width=8.0))
    assert np.std(whole) == pytest.approx(8.0, rel=0.02)


def test_a_choice_has_its_probability_and_the_others_share_the_rest() -> None:
    drawn = middle_of_choice(Choice(("a", "b", "c")), Prior("b", probability=0.7))
    assert drawn == pytest.approx({"a": 0.15, "b": 0.7, "c": 0.15}, abs=0.002)
    assert middle_of_choice(Choice((1, True)), Prior(True, probability=0.9))["True"] == pytest.approx(0.9, abs=0.002)


def middle_of_choice(dimension: Choice, prior: Prior, n: int = 2000) -> dict[str, float]:
    drawn = [str(prior.from_unit(dimension, (k + 0.5) / n)) for k in range(n)]
    return {v: drawn.count(v) / n for v in set(drawn)}


def test_a_space_draws_from_its_priors_within_its_conditions_and_writes_them_out() -> None:
    space = parse_space(SPEC)
    drawn = [space.draw_from_priors(3, k) for k in range(300)]
    assert [p for c in drawn for p in space.problems(c)] == []
    assert drawn == [space.draw_from_priors(3, k) for k in range(300)]
    assert np.mean([c["optimizer"] == "adamw" for c in drawn]) == pytest.approx(0.7, abs=0.1)
    assert {c["batch"] for c in drawn} == {16, 32, 64}
    assert parse_space(space.spec()) == space
    assert space.spec() == SPEC
    assert space.spec(priors=False)["lr"] == {"float": [0.0001, 1.0], "log": True}
    plain = parse_space(
        {k: v if k == "where" else {n: x for n, x in v.items() if n != "prior"} for k, v in SPEC.items()}
    )
    assert [space.draw(1, k) for k in range(50)] == [plain.draw(1, k) for k in range(50)]


@pytest.mark.parametrize(
    ("key", "prior", "said"),
    [
        ("lr", 0.01, "space.lr.prior is 0.01"),
        ("lr", {"centre": 0.01}, "'width' is missing"),
        ("lr", {"width": 2}, "'centre' is missing"),
        ("lr", {"center": 0.01, "width": 2}, "cannot read 'center'"),
        ("lr", {"centre": 7.0, "width": 2}, "the centre 7.0 lies outside"),
        ("lr", {"centre": 0.01, "width": 1}, "width is 1"),
        ("momentum", {"centre": 0.9, "width": 0}, "width is 0"),
        ("momentum", {"centre": 0.9, "width": "wide"}, "width is 'wide'"),
        ("momentum", {"centre": 0.9, "probability": 0.5}, "cannot read 'probability'"),
        ("layers", {"centre": 4.5, "width": 1}, "the centre 4.5 lies outside"),
        ("optimizer", {"centre": "adam", "width": 1}, "cannot read 'width'"),
        ("optimizer", {"centre": "lion", "probability": 0.5}, "the centre 'lion' lies outside"),
        ("optimizer", {"centre": "adam", "probability": 1}, "probability is 1"),
    ],
)
def test_what_is_no_prior_is_refused_with_what_to_write(key: str, prior: Any, said: str) -> None:
    with pytest.raises(StudyError) as refused:
        parse({"space": {**SPEC, key: {**SPEC[key], "prior": prior}}})
    assert said in refused.value.what
    assert refused.value.why and refused.value.fix


def test_presets_believe_what_their_source_says() -> None:
    for name in ("mace", "sevenn", "nequip"):
        believed = [s for s in PRESETS.get(name).space if s.prior is not None]
        assert believed
        for searched in believed:
            parse_space({searched.key: {**searched.spec, "prior": searched.prior}})
            assert f"{searched.prior['centre']:g}".rstrip("0") in searched.source.replace("5e-7", "5e-07")
