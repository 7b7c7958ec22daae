"""What Tune says of a placement and what the campaign hears of it: errors and checkpoints, with stand-ins for Tune's trials."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.exceptions import ActorDiedError, RayTaskError
from ray.tune import Checkpoint

from perch.engine.tune import PlacedTrial, Scheduler, TuneEngine, Watch
from perch.log.folder import RunFolder
from perch.training.failure import classify


class Campaign:
    """Notes what it is called with. ``saving``: trials whose checkpoint it has asked for."""

    def __init__(self, saving: tuple[str, ...] = ()) -> None:
        self.failure: BaseException | None = None
        self.saving = dict.fromkeys(saving, (0, 1))
        self.calls: list[tuple[Any, ...]] = []

    def faulted(self, *what: Any, alone: bool) -> None:
        self.calls.append(("faulted", *what))

    def evicted(self, trial: str, *, hangs: bool) -> None:
        self.calls.append(("evicted", trial, hangs))

    def saved(self, *what: Any) -> None:
        self.calls.append(("saved", *what))

    def offered(self, *what: Any) -> None:
        self.calls.append(("offered", *what))


def engine(campaign: Campaign, path: Path = Path("/runs/r")) -> TuneEngine:
    def nothing() -> None:
        """Neither ticks nor starts."""

    return TuneEngine(
        campaign, RunFolder(path), None, {}, attempt=1, extra_config=lambda placement: {}, classify=classify,
        on_tick=nothing, on_start=nothing,
    )  # fmt: skip


def trial(error: BaseException | None, node: str | None = None) -> Any:
    """A Tune trial that has ended with an error, as ``PlacedTrial`` keeps it."""
    found = SimpleNamespace(
        trial_id="00007", perch_segment=0, last_result={"node_ip": node} if node else {}, temporary_state=SimpleNamespace(),
        run_metadata=SimpleNamespace(num_failures=0),
    )  # fmt: skip
    if error is not None:
        PlacedTrial.handle_error(found, error)
        assert found.run_metadata.num_failures == 1
    return found


def heard(error: BaseException | None, node: str | None = None) -> tuple[Any, ...]:
    """What the campaign hears of an error."""
    campaign = Campaign()
    Scheduler(engine(campaign)).on_trial_error(None, trial(error, node))
    assert campaign.failure is None
    [call] = campaign.calls
    return call


def test_an_error_of_the_trials_own_code_is_the_trials() -> None:
    cause = ValueError("the learning rate is negative")
    what, name, failure, whose, message, node = heard(RayTaskError("step", "Traceback: …", cause, ip="10.0.0.4"))
    assert (what, name, failure, whose, node) == ("faulted", "00007", "code", "trial", "10.0.0.4")
    assert "Traceback" in message


def test_a_worker_that_was_killed_is_the_machines_fault() -> None:
    what, name, failure, whose, _, node = heard(ActorDiedError(), node="10.0.0.4")
    assert (what, name, failure, whose) == ("faulted", "00007", "lost", "machine")
    assert node == "10.0.0.4", "the error names none, so it is where the last result came from"


def test_an_error_that_tune_does_not_name_is_an_error_still() -> None:
    what, _, failure, whose, message, node = heard(None)
    assert (what, failure, whose, node) == ("faulted", "code", "trial", None) and "no error" in message


@pytest.mark.parametrize("hangs", [True, False])
def test_a_worker_that_perch_ended_itself_is_no_fault_of_the_machine(hangs: bool) -> None:
    campaign = Campaign()
    one = engine(campaign)
    one.evicting["00007"] = hangs
    Scheduler(one).on_trial_error(None, trial(ActorDiedError()))
    assert campaign.calls == [("evicted", "00007", hangs)]
    Scheduler(one).on_trial_error(None, trial(ActorDiedError()))
    assert campaign.calls[1][0] == "faulted", "the next one is not Perch's"


def test_a_checkpoint_is_logged_by_its_path_in_the_run_folder(tmp_path: Path) -> None:
    """Which may be reached through a link: Tune names the real path."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    campaign = Campaign(saving=("00007",))
    where = tmp_path / "real" / "checkpoints" / "attempt-001" / "trials" / "checkpoint_000003"
    Watch(engine(campaign, tmp_path / "link")).on_checkpoint(1, [], trial(None), Checkpoint(str(where)))
    assert campaign.failure is None
    assert campaign.calls == [("saved", "00007", "checkpoints/attempt-001/trials/checkpoint_000003")]


def test_a_checkpoint_that_nobody_asked_for_is_offered_to_the_campaign(tmp_path: Path) -> None:
    """A function trainable reports checkpoints of its own accord."""
    campaign = Campaign(saving=("00008",))
    Watch(engine(campaign, tmp_path)).on_checkpoint(1, [], trial(None), Checkpoint(str(tmp_path / "checkpoint")))
    assert campaign.calls == [("offered", "00007", 0, "checkpoint")] and campaign.failure is None


def test_a_log_that_cannot_be_written_is_kept_for_the_end_since_tune_swallows_it(tmp_path: Path) -> None:
    campaign = Campaign(saving=("00007",))

    def full(*_: Any) -> None:
        raise OSError("no space left on device")

    campaign.saved = full  # type: ignore[method-assign]
    watch = Watch(engine(campaign, tmp_path))
    watch.on_checkpoint(1, [], trial(None), Checkpoint(str(tmp_path / "checkpoint")))
    assert str(campaign.failure) == "no space left on device"
    Scheduler(watch.engine).on_trial_error(None, trial(ValueError("later")))
    assert campaign.calls == [], "nothing more is logged after it"
