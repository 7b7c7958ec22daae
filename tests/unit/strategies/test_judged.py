"""What a rung compares: the statistic itself, the same decisions from a log that was killed anywhere, and refusals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perch.errors import StrategyError
from perch.simulate import Delays, PowerLaw, differences, simulate
from perch.space import keyed_uniforms, parse_space
from perch.strategies.judged import RungStatistic
from perch.strategies.plan import Plan
from perch.strategies.registry import STRATEGIES, build
from perch.why import explain_all, lines

SPACE = parse_space({"lr": {"float": [0.001, 0.1]}, "width": {"int": [1, 64]}})
WITH_RUNGS = [n for n, e in STRATEGIES.items() if "judge" in e.settings.model_fields and e.searcher == "random"]
STATISTICS = ("best", "mean_of_last_3", "training_loss")


class Training(PowerLaw):
    """Curves with a training loss that orders trials in another way than the metric does."""

    def metrics(self, config: Mapping[str, Any], trial: str, epoch: int) -> dict[str, Any]:
        """The metric, and a loss that falls with the epochs."""
        return {**super().metrics(config, trial, epoch), "training_loss": next(keyed_uniforms(1, trial)) + 1 / epoch}


def spec(name: str, judge: str) -> dict[str, Any]:
    """At the first rung of three epochs the statistics differ already."""
    return {"name": name, "judge": judge, "grace_period": 3}


def played(name: str, judge: str, seed: int = 0, trials: int = 60) -> list[dict[str, Any]]:
    curves = Training(SPACE, seed=seed, noise=0.3, diverging=0.05)
    strategy = build(spec(name, judge), Plan(SPACE, 27, trials, seed=seed, workers=4))
    return list(simulate(strategy, curves, workers=4, delays=Delays(save_s=0.3, load_s=0.2), epochs=27))


def test_every_strategy_with_rungs_has_the_setting() -> None:
    assert WITH_RUNGS == ["ahb", "asha", "asha-promote", "pasha", "topk"]
    others = [n for n, e in STRATEGIES.items() if "judge" in e.settings.model_fields and n not in WITH_RUNGS]
    assert {"asha-bo", "asha-gp", "asha-tpe"} <= set(others)


@given(
    values=st.lists(st.floats(-5, 5), min_size=1, max_size=8),
    losses=st.lists(st.floats(-5, 5), min_size=8, max_size=8),
)
def test_the_statistic_is_what_its_name_says(values: list[float], losses: list[float]) -> None:
    for kind in ("last", *STATISTICS):
        statistic = RungStatistic(kind)  # type: ignore[arg-type]
        for k, value in enumerate(values):
            expected = {
                "last": value, "best": min(values[: k + 1]), "training_loss": losses[k],
                "mean_of_last_3": sum(values[max(k - 2, 0) : k + 1]) / len(values[max(k - 2, 0) : k + 1]),
            }[kind]  # fmt: skip
            assert statistic.of("t", value, losses[k]) == expected
            assert statistic.of("t", value, losses[k]) == expected, "looking changes nothing"
            statistic.applied("t", value)


@pytest.mark.parametrize("judge", STATISTICS)
@pytest.mark.parametrize("name", WITH_RUNGS)
def test_a_rung_compares_the_statistic_and_the_log_holds_it(name: str, judge: str) -> None:
    log = played(name, judge)
    assert log[-1]["why"] == "done"
    curves: dict[str, list[float]] = {}
    brackets = {e["id"]: e["bracket"] for e in log if e["e"] == "trial"}
    at: dict[tuple[int, int], list[float]] = {}
    rungs = 0
    for event in log:
        if event["e"] != "result":
            continue
        values = curves.setdefault(event["id"], [])
        values.append(event["value"])
        assert ("judged" in event) == ("rung" in event)
        if "rung" in event:
            rungs += 1
            expected = {"best": min(values), "mean_of_last_3": sum(values[-3:]) / len(values[-3:])}
            assert event["judged"] == pytest.approx(expected.get(judge, event["m"].get("training_loss")), abs=1e-12)
            before = at.setdefault((brackets[event["id"]], event["rung"]), [])
            if name != "topk":  # whose rung forgets trials that have failed
                assert (event["rank"], event["size"]) == (1 + sum(v < event["judged"] for v in before), 1 + len(before))
            before.append(event["judged"])
    assert rungs > 50
    assert any(e["judged"] != e["value"] for e in log if "judged" in e)


@settings(max_examples=30, deadline=None)
@given(
    name=st.sampled_from(WITH_RUNGS), judge=st.sampled_from(STATISTICS), share=st.floats(0, 1), seed=st.integers(0, 5)
)
def test_killed_anywhere_it_decides_as_its_log_says(name: str, judge: str, share: float, seed: int) -> None:
    log = played(name, judge, seed, 30)
    strategy = build(spec(name, judge), Plan(SPACE, 27, 30, seed=seed, workers=4))
    assert list(differences(strategy, log, trusted=int(share * len(log)))) == []


def test_another_statistic_decides_otherwise() -> None:
    decisions = {
        judge: [e["d"] for e in played("asha", judge) if e["e"] == "result"] for judge in ("last", *STATISTICS)
    }
    assert len({tuple(d) for d in decisions.values()}) == 4


def test_a_training_loss_that_nobody_reports_ends_the_run_at_its_first_result_with_one_error() -> None:
    strategy = build({"name": "asha", "judge": "training_loss"}, Plan(SPACE, 27, 30))
    log = list(simulate(strategy, PowerLaw(SPACE), workers=4, epochs=27))
    assert log[-1]["why"] == "hopeless"
    assert "judge: training_loss, and the trainable reports none" in log[-1]["reason"]
    assert "validation_mae_ev" in log[-1]["reason"]
    assert not any(e["e"] == "result" for e in log)
    with pytest.raises(StrategyError, match="the trainable reports none"):
        RungStatistic("training_loss").of("t", 0.5, None)


@pytest.mark.parametrize(
    ("judge", "column", "words"),
    [
        ("last", "value", "it had"),
        ("best", "best so far", "its best value so far was"),
        ("mean_of_last_3", "mean of 3", "the mean of its last 3 values was"),
        ("training_loss", "training loss", "its training loss was"),
    ],
)
def test_why_names_what_was_compared(judge: str, column: str, words: str) -> None:
    log = played("asha", judge)
    stopped = [e for e in log if e.get("d") == "stop" and e.get("rung", 0) > 1]
    event = stopped[0]
    for maximise in (False, True):
        found = explain_all(log, epochs=27, maximise=maximise, judged_by=judge)[event["id"]]
        text = "\n".join(lines(found))
        shown = event.get("judged", event["value"]) * (-1 if maximise and judge != "training_loss" else 1)
        assert column in text
        assert f"at epoch {event['rung']} {words} {shown:.4g} and would have needed" in text
        assert found.judgements[-1].rank == event["rank"]
        assert found.judgements[0].final_rank is not None


def test_an_unknown_statistic_is_refused_with_the_known_ones() -> None:
    with pytest.raises(StrategyError, match="judge is 'median'") as caught:
        build({"name": "asha", "judge": "median"}, Plan(SPACE, 27, 30))
    assert "mean_of_last_3" in str(caught.value)
