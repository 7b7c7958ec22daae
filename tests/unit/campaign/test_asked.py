"""What somebody asks of a run by hand is one event each: done once, kept by replays, refused where it cannot be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.campaign.test_campaign import EPOCHS, opened, step, study

from perch.campaign.campaign import Campaign
from perch.engine.inline import InlineEngine
from perch.errors import PerchError
from perch.log.events import read
from perch.log.folder import RunFolder
from perch.record import Tables
from perch.record.summary import summary
from perch.runs.resume import replay
from perch.runs.strategy import build_strategy
from perch.simulate import differences
from perch.why import explain, lines

Ask = Callable[[Campaign], object]


def run(path: Path, spec: Any, asked: dict[int, Ask], *, stop_after: int | None = None, slots: int = 3) -> Campaign:
    """An attempt, during which each of ``asked`` is asked once so many results are there."""
    folder, campaign, log = opened(path, spec)
    left, failed = dict(asked), []

    def between(*words: Any) -> dict[str, Any]:
        for results in [n for n in left if campaign.state.results >= n]:
            try:
                left.pop(results)(campaign)
            except Exception as error:  # the engine would take it for the trial's
                failed.append(error)
        return step(*words)

    InlineEngine(campaign, folder, log.attempt, between, slots=slots, stop_after=stop_after).fit()
    if campaign.ending is not None:
        campaign.emit(e="close", why=campaign.ending, reason=campaign.why)
    log.close()
    assert not failed, failed
    return campaign


def events(path: Path) -> list[dict[str, Any]]:
    return list(read(RunFolder(path).events))


def of(path: Path, trial: str) -> list[dict[str, Any]]:
    return [e for e in events(path) if e.get("id") == trial]


def first_running(campaign: Campaign) -> str:
    return next(t.id for t in campaign.state.live.values() if t.status == "running" and t.phase == "search")


def test_a_trial_that_is_stopped_reports_nothing_more_and_its_worker_is_free(tmp_path: Path) -> None:
    stopped: list[str] = []

    def stop(campaign: Campaign) -> None:
        stopped.append(first_running(campaign))
        assert f"trial {stopped[0]} is stopped" in campaign.stop_trial(str(int(stopped[0])), "r1")

    campaign = run(tmp_path / "run", study(strategy="rs"), {5: stop})
    mine = of(tmp_path / "run", stopped[0])
    end = next(i for i, e in enumerate(mine) if e["e"] == "error")
    assert (mine[end]["failure"], mine[end]["request"]) == ("on_request", "r1")
    assert [e["e"] for e in mine[end + 1 :]] == ["spent"], "nothing but where its worker's seconds went"
    assert campaign.state.counts == {"stopped": 1, "completed": 19}
    assert campaign.ending == "done" and not campaign.spent


def test_a_stop_is_no_failure_in_tables_and_words(tmp_path: Path) -> None:
    run(tmp_path / "run", study(strategy="rs"), {5: lambda c: c.stop_trial(first_running(c), "r1")})
    tables = Tables("min", EPOCHS)
    for event in events(tmp_path / "run"):
        tables.apply(event)
    [row] = [r for r in tables.trial_rows() if r["failure"] == "on_request"]
    assert (row["status"], row["error"]) == ("stopped", None)
    told = summary("run", study(strategy="rs"), tables)
    assert told["failed"] == 0
    assert [(a["do"], a["trial_id"]) for a in told["asked_by_hand"]] == [("stop", row["trial_id"])]
    said = list(lines(explain(events(tmp_path / "run"), row["trial_id"], epochs=EPOCHS)))
    assert said[-1].startswith("why: somebody stopped it by hand after epoch")


@pytest.mark.parametrize(("strategy", "at"), [("asha", 4), ("median", 28), ("asha-promote", 6)])
def test_a_kept_trial_trains_to_the_end_whatever_its_strategy_says(tmp_path: Path, strategy: str, at: int) -> None:
    """The worst of all: its configuration lies farthest from the best."""
    worst = {"x": 1.0}

    def keep(campaign: Campaign) -> None:
        campaign.keep_trial("00003", "r1")

    spec = study(strategy=strategy, points=[{"x": 0.3}, {"x": 0.31}, {"x": 0.29}, worst], confirm={"top": 0})
    alone = run(tmp_path / "alone", spec, {})
    without = alone.state.live if strategy == "asha-promote" else alone.state.ended
    assert without["00003"].status in ("stopped", "paused")
    campaign = run(tmp_path / "run", spec, {at: keep})
    assert campaign.state.ended["00003"].status == "completed"
    spared = [e for e in of(tmp_path / "run", "00003") if "kept" in e]
    assert spared and all(e["d"] == "go" and e["kept"] in ("stop", "pause") for e in spared)
    said = "\n".join(lines(explain(events(tmp_path / "run"), "3", epochs=EPOCHS)))
    assert "kept by hand after epoch" in said and "but for that, it would have been" in said


def test_a_paused_trial_that_is_kept_goes_on(tmp_path: Path) -> None:
    kept: list[str] = []

    def keep(campaign: Campaign) -> None:
        kept.append(next(t.id for t in campaign.state.live.values() if t.status == "paused"))
        assert "goes on now" in campaign.keep_trial(kept[0], "r1")

    campaign = run(tmp_path / "run", study(strategy="asha-promote"), {8: keep})
    assert campaign.state.ended[kept[0]].status == "completed"
    assert sum(e["e"] == "keep" for e in events(tmp_path / "run")) == 1


@pytest.mark.parametrize("strategy", ["rs", "asha", "ahb", "grid", "design", "pbt", "tpe"])
def test_a_configuration_that_is_added_takes_nothing_from_the_strategy(tmp_path: Path, strategy: str) -> None:
    """The strategy's own trials are those of a run without it, and it comes beyond their number."""
    given = {
        "strategy": {"name": "pbt", "perturbation_interval": 2} if strategy == "pbt" else strategy,
        "space": {"x": {"choice": [k / 20 for k in range(20)]}} if strategy == "grid" else {"x": {"float": [0.0, 1.0]}},
    }
    spec = study(confirm={"top": 0}, points=[{"x": 0.5}, {"x": 0.25}], **given)
    run(tmp_path / "alone", spec, {}, slots=1)
    run(tmp_path / "run", spec, {1: lambda c: c.add_trial({"x": 0.3}, "r1")}, slots=1)
    began = {
        name: [(e["config"], e["by"]) for e in events(tmp_path / name) if e["e"] == "trial"] for name in ("alone", "run")
    }  # fmt: skip
    assert [t for t in began["run"] if t[1] == "request"] == [({"x": 0.3}, "request")]
    own = [t for t in began["run"] if t[1] != "request"]
    assert len(own) == len(began["alone"]) == (22 if strategy == "grid" else 20) or strategy == "grid"
    if strategy != "tpe":  # it learns from every result, this one's too
        assert own == began["alone"]


def test_a_larger_budget_of_trials_is_used(tmp_path: Path) -> None:
    campaign = run(tmp_path / "run", study(strategy="rs"), {5: lambda c: c.change_budget(30, None, "r1")})
    assert campaign.state.started == 30 and campaign.rules.trials == 30
    assert campaign.state.last_attempt["budget"] == {"trials": 30, "time": None}


def test_a_smaller_budget_ends_the_search_earlier(tmp_path: Path) -> None:
    campaign = run(tmp_path / "run", study(strategy="asha"), {5: lambda c: c.change_budget(10, None, "r1")})
    assert campaign.state.started == 10 and campaign.ending == "done"


def test_a_budget_of_time_takes_effect_at_once(tmp_path: Path) -> None:
    spec = study(strategy="rs", budget={"time": 1e6})
    campaign = run(tmp_path / "run", spec, {5: lambda c: c.change_budget(None, c.clock.now_s() + 0.5, "r1")})
    assert campaign.ending == "done" and campaign.why == "the budget is spent"


def test_the_end_of_the_search_confirms_the_best_and_names_a_winner(tmp_path: Path) -> None:
    campaign = run(tmp_path / "run", study(strategy="rs"), {20: lambda c: c.end_search("r1")})
    assert campaign.ending == "done" and campaign.why == "the search was ended by hand"
    assert campaign.state.started < 20
    assert campaign.state.fresh.values, "the best have been trained with fresh seeds"
    kinds = [e["e"] for e in events(tmp_path / "run")]
    assert kinds.index("end") < kinds.index("confirm")


def refuse(campaign: Campaign) -> None:
    """All that cannot be done, of a run of ``asha`` that goes on; none of it is an event."""
    before = len(list(campaign.log.read()))
    ended = next(t for t in campaign.state.ended)
    for call, says in (
        (lambda: campaign.stop_trial("99", "x"), "no trial is called '99'"),
        (lambda: campaign.keep_trial("nonsense", "x"), "no trial is called 'nonsense'"),
        (lambda: campaign.stop_trial(ended, "x"), f"trial {ended} has ended already"),
        (lambda: campaign.keep_trial(ended, "x"), f"trial {ended} has ended already"),
        (lambda: campaign.add_trial({"x": 7.0}, "x"), "the configuration lies outside the search space"),
        (lambda: campaign.add_trial({"y": 0.5}, "x"), "the configuration lies outside the search space"),
        (lambda: campaign.change_budget(1, None, "x"), "a budget of 1 trials is smaller than what is spent"),
        (lambda: campaign.change_budget(None, 1e-6, "x"), "is smaller than what is spent"),
    ):
        with pytest.raises(PerchError, match=says) as refused:
            call()
        assert refused.value.why and refused.value.fix
    assert len(list(campaign.log.read())) == before


def test_what_cannot_be_done_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    asked: list[int] = []
    campaign = run(tmp_path / "run", study(), {30: lambda c: (refuse(c), asked.append(1))})
    assert asked and campaign.ending == "done"


def test_after_the_search_only_its_trainings_go_on(tmp_path: Path) -> None:
    tried: list[str] = []

    def late(campaign: Campaign) -> None:
        fresh = next(t.id for t in campaign.state.live.values() if t.phase == "confirm")
        for call in (
            lambda: campaign.end_search("x"), lambda: campaign.change_budget(99, None, "x"),
            lambda: campaign.add_trial({"x": 0.3}, "x"), lambda: campaign.stop_trial(fresh, "x"),
        ):  # fmt: skip
            with pytest.raises(PerchError) as refused:
                call()
            tried.append(refused.value.why)

    campaign = run(tmp_path / "run", study(strategy="rs"), {20 * EPOCHS + 2: late})
    assert campaign.ending == "done"
    assert len(tried) == 4 and sum("the search is over" in why for why in tried) == 3


ASKS: dict[str, Ask] = {
    "stop": lambda c: c.stop_trial(first_running(c), "stop"),
    "keep": lambda c: c.keep_trial(first_running(c), "keep"),
    "add": lambda c: c.add_trial({"x": 0.3}, "add"),
    "budget": lambda c: c.change_budget(c.state.started + 4, None, "budget"),
    "end": lambda c: c.end_search("end"),
}


def if_possible(ask: Ask) -> Ask:
    def asked(campaign: Campaign) -> None:
        try:
            ask(campaign)
        except (PerchError, StopIteration):
            return

    return asked


@pytest.mark.parametrize("strategy", ["rs", "asha", "ahb", "median", "asha-promote", "pbt"])
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kills=st.lists(st.integers(min_value=0, max_value=40), max_size=4),
    asked=st.dictionaries(st.integers(1, 60), st.sampled_from(sorted(ASKS)), max_size=4),
)
def test_whatever_is_asked_and_killed_the_log_replays_to_the_same(
    tmp_path_factory: pytest.TempPathFactory, strategy: str, kills: list[int], asked: dict[int, str]
) -> None:
    path = tmp_path_factory.mktemp("asked") / "run"
    settings = {"name": "pbt", "perturbation_interval": 2} if strategy == "pbt" else {"name": strategy}
    spec = study(strategy=settings, confirm={"top": 0})
    asks = {at: if_possible(ASKS[name]) for at, name in asked.items()}
    for stop_after in [*kills, None]:
        begun = sum(e["e"] == "result" for e in events(path)) if path.is_dir() else 0
        campaign = run(path, spec, {at: ask for at, ask in asks.items() if at > begun}, stop_after=stop_after)
    assert campaign.ending == "done"
    again = replay(spec, RunFolder(path))
    for name in ("counts", "ended", "started", "results", "by_hand", "rungs", "best", "paths"):
        assert getattr(again, name) == getattr(campaign.state, name), name
    said = events(path)
    fresh = build_strategy(spec, 3)
    assert list(differences(fresh, said)) == []
    results = [(e["id"], e["seg"], e["epoch"]) for e in said if e["e"] == "result"]
    assert len(set(results)) == len(results)
    ended = {e["id"]: i for i, e in enumerate(said) if e.get("failure") == "on_request"}
    assert not [e for i, e in enumerate(said) if e["e"] in ("start", "result") and i > ended.get(e["id"], len(said))]
