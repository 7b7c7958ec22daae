"""Weights & Biases: what is written for a run, with a recorded client and with the real one offline."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.patience import LIMIT_S

from perch.boards.wandb import WandbFollower, mode_for
from perch.boards.wandb_process import end, following, sync
from perch.errors import RecordError

METRIC = "validation_mae_ev"


class FakeRun:
    """What ``wandb.init`` returns, remembering what it is given."""

    def __init__(self, about: dict[str, Any]) -> None:
        self.about = about
        self.logged: list[tuple[int | None, dict[str, Any]]] = []
        self.summary: dict[str, Any] = {}
        self.exit_code: int | None = None

    def log(self, values: dict[str, Any], step: int | None = None) -> None:
        self.logged.append((step, values))

    def finish(self, exit_code: int = 0) -> None:
        self.exit_code = exit_code


class FakeClient:
    def __init__(self) -> None:
        self.runs: dict[str, FakeRun] = {}

    def __call__(self, **about: Any) -> FakeRun:
        run = self.runs[about["name"]] = FakeRun(about)
        return run


def trial(i: int, **config: Any) -> dict[str, Any]:
    return {"e": "trial", "id": f"{i:05d}", "i": i, "config": config or {"lr": 0.1 / (i + 1)}, "by": "random"}


def result(i: int, epoch: int, value: float, d: str = "go", **more: Any) -> dict[str, Any]:
    event = {"e": "result", "id": f"{i:05d}", "seg": more.pop("seg", 0), "epoch": epoch, "value": value, "d": d}
    return {**event, "m": {METRIC: value, "epoch_s": 0.5}, "used_s": float(epoch), **more}


def follow(folder: Path, events: list[dict[str, Any]], **options: Any) -> FakeClient:
    (folder / "wandb").mkdir(exist_ok=True)
    client = FakeClient()
    board = WandbFollower(folder, "study", METRIC, "asha", open_run=client, **options)
    for event in events:
        board.applied(event)
    board.close()
    return client


def test_a_trial_is_a_run_grouped_by_the_run(tmp_path: Path) -> None:
    client = follow(tmp_path, [trial(0), result(0, 1, 0.5), result(0, 3, 0.4, "stop", rung=3)])
    run = client.runs["00000"]
    assert run.about["project"] == "study"
    assert run.about["group"] == tmp_path.name
    assert run.about["tags"] == ["asha", "search"]
    assert run.about["config"]["lr"] == 0.1
    assert [(step, values[METRIC]) for step, values in run.logged] == [(1, 0.5), (3, 0.4)]
    assert run.summary == {"status": "stopped", f"best_{METRIC}": 0.4, "epochs": 3}
    assert run.exit_code == 0


def test_a_failed_trial_ends_as_failed(tmp_path: Path) -> None:
    events = [trial(0), result(0, 1, 0.5), {"e": "error", "id": "00000", "failure": "out_of_memory"}]
    run = follow(tmp_path, events).runs["00000"]
    assert run.summary["status"] == "out_of_memory"
    assert run.exit_code == 1


def test_an_exploit_starts_a_run_that_names_its_parent(tmp_path: Path) -> None:
    x = {"donor": "00001", "seg": 0, "epoch": 4, "config": {"lr": 0.2}}
    events = [trial(0), trial(1), result(0, 4, 0.9, "exploit", x=x), result(0, 5, 0.3, "stop", seg=1)]
    client = follow(tmp_path, events)
    assert client.runs["00000"].summary["status"] == "exploited"
    assert client.runs["00000.1"].about["config"]["parent"] == "00001 epoch 4"
    assert "lineage" in client.runs["00000.1"].about["tags"]


def test_values_of_a_maximised_metric_are_turned_back(tmp_path: Path) -> None:
    run = follow(tmp_path, [trial(0), result(0, 1, -0.9, "stop")], sign=-1.0).runs["00000"]
    assert run.summary[f"best_{METRIC}"] == 0.9


def test_summary_mode_has_one_run_with_a_row_per_trial(tmp_path: Path) -> None:
    events = [e for i in range(1000) for e in (trial(i), result(i, 1, 1.0 / (i + 1), "stop"))]
    client = follow(tmp_path, events, mode="summary")
    (run,) = client.runs.values()
    *rows, table = run.logged
    assert [values["ended"] for _, values in rows] == list(range(1, 1001))
    assert rows[-1][1][f"best_{METRIC}"] == 0.001
    assert len(table[1]["trials"].data) == 1000
    assert follow(tmp_path, events, mode="summary").runs == {}, "an equal log is not written again"


def test_after_a_kill_finished_trials_are_not_written_again_and_halves_are(tmp_path: Path) -> None:
    first = [trial(0), result(0, 1, 0.5, "stop"), trial(1), result(1, 1, 0.6)]
    follow(tmp_path, first)
    half = tmp_path / "wandb" / f"offline-run-20260101_000000-{tmp_path.name}-00001"
    whole = tmp_path / "wandb" / f"offline-run-20260101_000000-{tmp_path.name}-00000"
    half.mkdir()
    whole.mkdir()
    client = follow(tmp_path, [*first, result(1, 2, 0.4, "stop")])
    assert list(client.runs) == ["00001"]
    assert [step for step, _ in client.runs["00001"].logged] == [1, 2]
    assert whole.exists()
    assert not half.exists()


def test_large_budgets_are_one_run_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (mode_for(200), mode_for(5000), mode_for(None)) == ("trials", "summary", "summary")
    monkeypatch.setenv("PERCH_WANDB", "trials")
    assert mode_for(5000) == "trials"


# --- the real client -----------------------------------------------------------------------------------------------------


@pytest.fixture
def run_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run as its folder shows it: a study and a log."""
    for name in ("WANDB_API_KEY", "WANDB_MODE", "PERCH_WANDB"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    folder = tmp_path / "demo"
    for name in ("events", "logs", "wandb"):
        (folder / name).mkdir(parents=True)
    (folder / "study.yaml").write_text("name: demo\nspace: {lr: {float: [0.001, 0.1]}}\nstrategy: asha\n")
    return folder


def write(folder: Path, events: list[dict[str, Any]]) -> None:
    lines = [{"e": "attempt", "n": 1, "accepts_bytes": {}}, *events]
    (folder / "events" / "001.jsonl").write_text("".join(json.dumps(e) + "\n" for e in lines))


def offline(folder: Path) -> list[Path]:
    return sorted((folder / "wandb").glob("offline-run-*"))


def test_the_process_writes_offline_without_a_key(run_folder: Path) -> None:
    write(run_folder, [e for i in range(3) for e in (trial(i), result(i, 1, 0.5, "stop"))])
    with following(run_folder, run_folder / "logs", limit_s=240):
        pass
    assert len(offline(run_folder)) == 3, (run_folder / "logs" / "wandb.log").read_text()
    assert (run_folder / "wandb" / "finished.txt").read_text().split() == ["00000", "00001", "00002"]


def test_the_end_of_a_run_waits_no_longer_than_its_limit(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"], stdin=subprocess.PIPE)
    begun = time.monotonic()
    assert not end(process, tmp_path, limit_s=0.5)
    assert time.monotonic() - begun < 600, "it does not wait for the process"


def test_sending_needs_a_key_and_says_so(run_folder: Path) -> None:
    write(run_folder, [trial(0), result(0, 1, 0.5, "stop")])
    with pytest.raises(RecordError, match="no key"):
        sync(run_folder)


def test_sending_what_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="not a run"):
        sync(tmp_path)


def thousand() -> list[dict[str, Any]]:
    """A thousand trials of three epochs."""
    return [
        e for i in range(1000) for e in (trial(i), *(result(i, k, 1 / k) for k in (1, 2)), result(i, 3, 0.2, "stop"))
    ]


@pytest.mark.slow
def test_the_end_of_a_run_takes_ten_seconds_at_most_in_the_middle_of_a_backlog(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real client, its own process included: about a tenth of the trials are written when the run ends."""
    monkeypatch.setenv("PERCH_WANDB", "trials")
    write(run_folder, thousand())
    finished = run_folder / "wandb" / "finished.txt"
    with following(run_folder, run_folder / "logs") as process:
        while not finished.exists():
            assert process.poll() is None, (run_folder / "logs" / "wandb.log").read_text()
            time.sleep(0.1)
        clients = psutil.Process(process.pid).children(recursive=True)
        assert clients, "the client has a process of its own"
        begun = time.monotonic()
    assert time.monotonic() - begun < 10
    assert 0 < len(finished.read_text().split()) < 1000
    assert psutil.wait_procs(clients, timeout=LIMIT_S)[1] == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_thousand_trials_each_a_run_with_the_real_client_offline(run_folder: Path) -> None:
    from perch.boards.wandb import follower

    write(run_folder, thousand())
    board = follower(run_folder)
    board.mode = "trials"
    from perch.log.events import read

    for event in read(run_folder / "events"):
        board.applied(event)
    board.close()
    assert len(offline(run_folder)) == 1000
