"""The follower's files, read back with TensorBoard's own reader."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata

from perch.boards.event_file import FILE_NAME
from perch.boards.tensorboard import TensorBoard
from perch.space import parse_space

METRIC = "validation_mae_ev"
Event = dict[str, Any]


def trial(name: str, **more: Any) -> Event:
    return {"e": "trial", "id": name, "i": int(name), "config": {"lr": 0.01}, "used_s": 0.0, **more}


def result(name: str, epoch: int, value: float, d: str = "go", **more: Any) -> Event:
    metrics = {METRIC: value, "train_mae_ev": value / 2, "epoch": epoch, "device": "cpu"}
    return {"e": "result", "id": name, "seg": 0, "epoch": epoch, "value": value, "d": d, "m": metrics, **more}


def follow(folder: Path, events: list[Event], **settings: Any) -> TensorBoard:
    board = TensorBoard(folder, METRIC, started_s=1000.0, **settings)
    for event in events:
        board.applied(event)
    return board


def read(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0}).Reload()


def points(folder: Path, tag: str = METRIC) -> list[tuple[int, float]]:
    found = read(folder)
    if tag in found.Tags()["scalars"]:
        return [(p.step, pytest.approx(p.value)) for p in found.Scalars(tag)]
    return [(p.step, pytest.approx(p.tensor_proto.float_val[0])) for p in found.Tensors(tag)]


def hparams(folder: Path) -> dict[str, Any]:
    data = read(folder).SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    info = metadata.parse_session_start_info_plugin_data(data)
    return {k: getattr(v, v.WhichOneof("kind")) for k, v in info.hparams.items()}


def test_scalars_are_there_after_a_flush_while_the_run_goes_on(tmp_path: Path) -> None:
    board = follow(tmp_path, [trial("00001"), result("00001", 1, 0.5, used_s=2.0)])
    board.flush()
    assert points(tmp_path / "trials/00001") == [(1, 0.5)]
    board.applied(result("00001", 2, 0.4, used_s=4.0))
    board.flush()
    assert points(tmp_path / "trials/00001") == [(1, 0.5), (2, 0.4)]
    assert points(tmp_path / "trials/00001", "train_mae_ev") == [(1, 0.25), (2, 0.2)]


def test_hyperparameters_are_there_from_the_first_report(tmp_path: Path) -> None:
    follow(tmp_path, [trial("00001", config={"lr": 0.01, "pooling": "mean"}), result("00001", 1, 0.5)]).flush()
    assert hparams(tmp_path / "trials/00001") == {"lr": 0.01, "pooling": "mean"}


def test_the_incumbent_is_a_run_of_its_own_over_seconds(tmp_path: Path) -> None:
    values = [("00001", 1, 0.5, 2.0), ("00002", 1, 0.7, 3.0), ("00002", 2, 0.3, 9.0)]
    events = [trial("00001"), trial("00002"), *(result(n, e, v, used_s=s) for n, e, v, s in values)]
    follow(tmp_path, events).close()
    assert points(tmp_path / "best", f"incumbent/{METRIC}") == [(2, 0.5), (9, 0.3)]


def test_more_is_better_is_shown_with_its_own_sign(tmp_path: Path) -> None:
    follow(tmp_path, [trial("00001"), result("00001", 1, -0.5), result("00001", 2, -0.8)], sign=-1.0).close()
    assert points(tmp_path / "trials/00001") == [(1, 0.5), (2, 0.8)]
    assert points(tmp_path / "trials/00001", f"best_{METRIC}") == [(1, 0.5), (2, 0.8)]


def test_a_value_that_is_missing_and_one_of_mixed_kind_do_not_drop_a_trial(tmp_path: Path) -> None:
    space = parse_space(
        {"lr": {"float": [0.001, 0.1]}, "warmup": {"choice": ["none", 5, 10]}, "norm": {"choice": [True, False]}}
    )
    configs = [{"lr": 0.01, "warmup": 5, "norm": True}, {"lr": 0.01, "warmup": "none", "norm": None}]
    events = [e for k, c in enumerate(configs) for e in (trial(f"{k:05d}", config=c), result(f"{k:05d}", 1, 0.5))]
    follow(tmp_path, events, space=space).close()
    assert hparams(tmp_path / "trials/00000") == {"lr": 0.01, "warmup": "5", "norm": True}
    assert hparams(tmp_path / "trials/00001") == {"lr": 0.01, "warmup": "none"}


def test_trials_that_are_trained_again_stand_apart(tmp_path: Path) -> None:
    events = [trial("00001"), result("00001", 1, 0.5), trial("00002", phase="confirm"), result("00002", 1, 0.1)]
    follow(tmp_path, events).close()
    assert points(tmp_path / "confirm/00002") == [(1, 0.1)]
    assert points(tmp_path / "best", f"incumbent/{METRIC}") == [(0, 0.5)]


def test_a_failure_and_a_stop_end_a_session_as_such(tmp_path: Path) -> None:
    events = [trial("00001"), result("00001", 1, 0.5, "stop"), trial("00002"), result("00002", 1, 0.6)]
    follow(tmp_path, [*events, {"e": "error", "id": "00002", "failure": "diverged"}]).close()
    ends = []
    for name in ("00001", "00002"):
        data = read(tmp_path / "trials" / name).SummaryMetadata(metadata.SESSION_END_INFO_TAG).plugin_data.content
        ends.append(metadata.parse_session_end_info_plugin_data(data).status)
    assert ends == [1, 2]


def run_events(count: int, epochs: int = 3) -> Iterator[Event]:
    used_s = 0.0
    for k in range(count):
        yield trial(f"{k:05d}")
        for epoch in range(1, epochs + 1):
            used_s += 1.0
            yield result(f"{k:05d}", epoch, 1.0 / (k + epoch), "stop" if epoch == epochs else "go", used_s=used_s)


@pytest.mark.parametrize("killed_after", [1, 2, 5, 11, 20])
def test_a_kill_neither_loses_nor_doubles_a_point(tmp_path: Path, killed_after: int) -> None:
    events = list(run_events(6))
    follow(tmp_path / "killed", events[:killed_after]).flush()
    board = follow(tmp_path / "killed", [], history=events[: killed_after + 2])
    for event in events[killed_after + 2 :]:
        board.applied(event)
    board.close()
    follow(tmp_path / "whole", events).close()
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


@pytest.mark.parametrize("cut", [0, 1, 9, 40])
def test_a_kill_in_the_middle_of_a_flush_leaves_nothing_twice_and_nothing_torn(tmp_path: Path, cut: int) -> None:
    events = list(run_events(4))
    board = follow(tmp_path / "killed", events[:6])
    board.flush()
    position = (tmp_path / "killed" / "position.json").read_bytes()
    board.applied(events[6])
    board.flush()
    (tmp_path / "killed" / "position.json").write_bytes(position)
    torn = tmp_path / "killed" / "trials" / "00001" / FILE_NAME
    torn.write_bytes(torn.read_bytes()[: torn.stat().st_size - cut])
    board = follow(tmp_path / "killed", [], history=events[:7])
    for event in events[7:]:
        board.applied(event)
    board.close()
    follow(tmp_path / "whole", events).close()
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


def files(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob(FILE_NAME))}


def test_what_a_disowned_attempt_has_written_is_made_anew(tmp_path: Path) -> None:
    events = list(run_events(3))
    follow(tmp_path, [*events, trial("00099"), result("00099", 1, 0.001)]).close()
    follow(tmp_path, [], history=events).close()
    assert sorted(f.name for f in (tmp_path / "trials").iterdir()) == ["00000", "00001", "00002"]


def test_no_file_stays_open_with_a_thousand_trials_under_way(tmp_path: Path) -> None:
    board = follow(tmp_path, [e for k in range(1000) for e in (trial(f"{k:05d}"), result(f"{k:05d}", 1, 0.5))])
    before = len(list(Path("/proc/self/fd").iterdir()))
    board.flush()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert len(list((tmp_path / "trials").iterdir())) == 1000


def exploit(name: str, epoch: int, value: float, seg: int, donor: tuple[str, int, int], lr: float) -> Event:
    x = {"donor": donor[0], "seg": donor[1], "epoch": donor[2], "config": {"lr": lr}}
    return {**result(name, epoch, value, "exploit", seg=seg), "x": x}


def test_the_winning_lineage_is_one_continuous_run(tmp_path: Path) -> None:
    events = [trial("00001"), trial("00002")]
    events += [result("00001", 1, 0.9), result("00002", 1, 0.6), result("00002", 2, 0.5)]
    events += [exploit("00001", 2, 0.85, 0, ("00002", 0, 2), 0.02), result("00001", 3, 0.3, seg=1)]
    board = follow(tmp_path, events)
    board.flush()
    assert points(tmp_path / "lineage/00001.1") == [(1, 0.6), (2, 0.5), (3, 0.3)]
    assert hparams(tmp_path / "trials/00001.1") == {"lr": 0.02}
    board.applied(result("00001", 4, 0.2, seg=1))
    board.flush()
    assert points(tmp_path / "lineage/00001.1") == [(1, 0.6), (2, 0.5), (3, 0.3), (4, 0.2)]


def test_a_new_winner_replaces_the_lineage(tmp_path: Path) -> None:
    events = [trial("00001"), trial("00002"), result("00001", 1, 0.9), result("00002", 1, 0.5)]
    events += [exploit("00001", 2, 0.85, 0, ("00002", 0, 1), 0.02), result("00001", 2, 0.4, seg=1)]
    board = follow(tmp_path, events)
    board.flush()
    board.applied(result("00002", 2, 0.1))
    board.close()
    assert [f.name for f in (tmp_path / "lineage").iterdir()] == ["00002"]
    assert points(tmp_path / "lineage/00002") == [(1, 0.5), (2, 0.1)]
