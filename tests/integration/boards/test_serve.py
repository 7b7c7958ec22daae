"""TensorBoard itself, on what the follower has written: reachable from this machine alone, behind a random path."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.patience import LIMIT_S

from perch.boards.serve import serve
from perch.boards.tensorboard import TensorBoard
from perch.errors import RecordError
from perch.space import parse_space

METRIC = "validation_mae_ev"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    space = parse_space({"lr": {"float": [0.001, 0.1], "log": True}, "pooling": {"choice": ["mean", "adsorbate"]}})
    board = TensorBoard(tmp_path_factory.mktemp("run") / "tensorboard", METRIC, space=space)
    for k in range(40):
        name, value = f"{k:05d}", 1 / (k + 1)
        board.applied({"e": "trial", "id": name, "i": k, "config": space.draw(0, k)})
        board.applied(
            {"e": "result", "id": name, "seg": 0, "epoch": 1, "value": value, "m": {METRIC: value}, "used_s": k}
        )
    board.close()
    return board.folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    yield serve(folder, secret=True)


def get(address: str, path: str, data: dict[str, Any] | None = None) -> Any:
    body = None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(address + path, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
        return json.load(answer)


def test_it_listens_on_this_machine_alone_behind_a_random_path(address: str) -> None:
    parts = urlsplit(address)
    assert parts.hostname == "127.0.0.1"
    assert len(parts.path) > 20
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(f"http://{parts.netloc}/", "data/runs")
    assert refused.value.code == 404


def test_every_trial_is_a_run_beside_the_incumbent(address: str) -> None:
    assert sorted(get(address, "data/runs")) == ["best", *(f"trials/{k:05d}" for k in range(40))]


def test_hparams_show_every_trial_with_its_values_and_its_metric(address: str) -> None:
    question = {
        "experimentName": "",
        "allowedStatuses": [0, 1, 2, 3],
        "colParams": [],
        "startIndex": 0,
        "sliceSize": 100,
    }
    groups = get(address, "data/plugin/hparams/session_groups", question)["sessionGroups"]
    assert len(groups) == 40
    first = next(g for g in groups if g["name"] == "00003")
    assert set(first["hparams"]) == {"lr", "pooling"}
    metrics = {m["name"]["tag"]: m["value"] for m in first["sessions"][0]["metricValues"]}
    assert metrics[f"best_{METRIC}"] == pytest.approx(0.25)


def test_a_port_that_is_taken_is_one_clear_error(folder: Path, address: str) -> None:
    with pytest.raises(RecordError, match="does not start"):
        serve(folder, port=urlsplit(address).port or 0)
