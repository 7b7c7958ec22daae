"""The process over configuration and epoch: what it is given, what it foretells, and where it looks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from perch.simulate import PowerLaw
from perch.space import keyed_uniforms, parse_space
from perch.strategies.plan import Past, Plan
from perch.strategies.searchers.multifidelity import (
    EPOCH,
    PROMISE,
    CurveLedger,
    MultiFidelity,
    expected_improvement,
    most_telling,
    residuals,
)
from perch.strategies.searchers.observations import Observation
from perch.strategies.searchers.prefetch import Question

SPACE = parse_space(
    {"lr": {"float": [0.001, 1.0], "log": True}, "width": {"float": [0.0, 1.0]}, "kind": {"choice": ["a", "b"]},
     "where": "width <= 0.95"}
)  # fmt: skip
RUNGS, EPOCHS = (1, 3, 9), 27


def value(config: dict[str, Any], epoch: int) -> float:
    """A bowl around lr = 0.03, width = 0.4; wide ones start worse and end better."""
    unit = SPACE.to_unit(config)
    bowl = (unit["lr"] - 0.5) ** 2 + (unit["width"] - 0.4) ** 2 + 0.05 * (config["kind"] == "b")
    return float(bowl + (0.2 + unit["width"]) / epoch)


def observed(n: int = 60) -> tuple[Observation, ...]:
    """Every trial at epoch 1, every third at 3, every ninth at 9 and 27."""
    out = []
    for k in range(n):
        config = SPACE.draw(0, k)
        out += [Observation(config, value(config, e), {EPOCH: e}) for e in (1, 3, 9, 27) if k % min(e, 9) == 0]
    return tuple(out)


def test_it_foretells_the_end_of_trials_that_were_seen_early_only() -> None:
    paused = [SPACE.draw(0, k) for k in range(60) if k % 3]
    question = Question(60, observed(), (), waiting=tuple((str(k), c) for k, c in enumerate(paused)))
    reply = MultiFidelity(SPACE, 0, EPOCHS)(question)
    foretold = [end for _, end in reply.note[PROMISE]]
    assert [name for name, _ in reply.note[PROMISE]] == [str(k) for k in range(len(paused))]
    truth, early = [value(c, EPOCHS) for c in paused], [value(c, 1) for c in paused]
    assert spearmanr(foretold, truth).statistic > 0.9
    assert spearmanr(foretold, truth).statistic > spearmanr(early, truth).statistic + 0.1


def test_it_looks_where_the_end_is_good_and_not_where_the_start_is() -> None:
    answers = [MultiFidelity(SPACE, seed, EPOCHS)(Question(60, observed(), ())).config for seed in range(5)]
    ends = sorted(value(SPACE.draw(0, k), EPOCHS) for k in range(60))
    assert all(list(SPACE.problems(c)) == [] for c in answers)
    assert np.median([value(c, EPOCHS) for c in answers]) < ends[3]


def test_an_answer_depends_on_its_question_alone() -> None:
    model, pending = MultiFidelity(SPACE, 3, EPOCHS), (SPACE.draw(5, 0),)
    first = model(Question(60, observed(), pending))
    model(Question(61, observed(30), ()))
    assert model(Question(60, observed(), pending)) == first
    assert MultiFidelity(SPACE, 3, EPOCHS)(Question(60, observed(), pending)) == first
    assert model(Question(60, observed(), (first.config,))).config != first.config, (
        "what is in progress is not proposed"
    )


def test_failed_trials_are_bad_and_no_answer_is_missing_with_few_or_equal_results() -> None:
    model = MultiFidelity(SPACE, 0, EPOCHS)
    for values in ([0.5, 0.5, 0.5], [None, None, None], [0.1, None, 1e12]):
        results = tuple(Observation(SPACE.draw(1, k), v, {EPOCH: 1}) for k, v in enumerate(values))
        assert list(SPACE.problems(model(Question(3, results, ())).config)) == []


def test_the_gain_between_rungs_is_measured_on_trials_that_were_at_both() -> None:
    """All trials gain 0.3 from epoch 1 to 3; only the best were at both, and stay as far ahead."""
    configs = [SPACE.draw(2, k) for k in range(10)]
    first = [Observation(c, 1.0 + k / 10, {EPOCH: 1}) for k, c in enumerate(configs)]
    later = [Observation(c, 0.7 + k / 10, {EPOCH: 3}) for k, c in enumerate(configs[:3])]
    centred, unit = residuals([*first, *later])
    assert centred[10:] == pytest.approx(centred[:3])
    assert unit * (centred[5] - centred[0]) == pytest.approx(0.5)


def test_of_many_results_those_of_high_rungs_and_an_even_share_of_the_first_are_kept() -> None:
    results = observed(300)
    kept = most_telling(results, 100)
    assert len(kept) == 100
    assert [r for r in results if r in kept] == kept
    above = [r for r in kept if r.note[EPOCH] > 1]
    assert len(above) == 50
    assert sum(r.note[EPOCH] == 27 for r in above) == sum(r.note[EPOCH] == 27 for r in results)


def test_expected_improvement_is_that_of_samples() -> None:
    draws = np.random.default_rng(0).normal(0.3, 0.2, 400_000)
    sampled = np.maximum(0.25 - draws, 0).mean()
    assert expected_improvement(np.array([0.3]), np.array([0.2]), 0.25)[0] == pytest.approx(sampled, rel=0.01)


def ledger(**changes: Any) -> CurveLedger:
    return CurveLedger(Plan(SPACE, EPOCHS, **changes), RUNGS)


def test_every_rung_is_an_observation_and_who_pauses_waits() -> None:
    book = ledger()
    config = SPACE.draw(0, 0)
    events: list[dict[str, Any]] = [
        {"e": "trial", "id": "0", "i": 0, "config": config},
        *({"e": "result", "id": "0", "epoch": e, "value": 1 / e, "d": "pause" if e == 3 else "go"} for e in (1, 2, 3)),
    ]
    for event in events:
        book.applied(event)
        book.applied(event)
    assert [(o.value, o.note[EPOCH]) for o in book.observations] == [(1.0, 1), (1 / 3, 3)]
    assert book.waiting() == (("0", config),)
    assert book.pending() == ()
    book.applied({"e": "promote", "id": "0"})
    assert book.waiting() == ()
    for e in range(4, 28):
        book.applied(
            {"e": "result", "id": "0", "epoch": e, "value": 1 / e, "judged": 7.0, "d": "stop" if e == 27 else "go"}
        )
    assert [(o.value, o.note[EPOCH]) for o in book.observations[2:]] == [(7.0, 9), (7.0, 27)]


def test_a_failure_counts_at_the_rung_that_was_not_reached_and_a_machines_fault_not_at_all() -> None:
    book = ledger()
    for k, failure in enumerate(("diverged", "lost", "ended", "code")):
        book.applied({"e": "trial", "id": str(k), "i": k, "config": SPACE.draw(0, k)})
        book.applied({"e": "result", "id": str(k), "epoch": 1, "value": 0.5, "d": "go"})
        book.applied({"e": "error", "id": str(k), "failure": failure})
    assert [(o.value, o.note[EPOCH]) for o in book.observations if o.value is None] == [(None, 3), (None, 3)]


def test_a_history_is_known_at_its_rungs() -> None:
    past = Past(SPACE.draw(0, 0), tuple((e, 1 / e) for e in range(1, 28)))
    assert [(o.value, o.note[EPOCH]) for o in ledger(history=(past,)).observations] == [
        (1.0, 1),
        (1 / 3, 3),
        (1 / 9, 9),
        (1 / 27, 27),
    ]


def test_constructed_curves_of_the_simulator_are_foretold() -> None:
    """A trial's own early value is worth something even where its rate is its own."""
    curves, draws = PowerLaw(SPACE, seed=2, noise=0.0), keyed_uniforms(0, "which")
    configs = [SPACE.draw(3, k) for k in range(80)]
    results = [
        Observation(c, curves.value(c, str(k), e), {EPOCH: e})
        for k, c in enumerate(configs)
        for e in ((1, 27) if next(draws) < 0.3 else (1,))
    ]
    reply = MultiFidelity(SPACE, 0, EPOCHS)(
        Question(80, tuple(results), (), waiting=tuple((str(k), c) for k, c in enumerate(configs)))
    )
    ends = [curves.value(c, str(k), 27) for k, c in enumerate(configs)]
    assert spearmanr([end for _, end in reply.note[PROMISE]], ends).statistic > 0.6
