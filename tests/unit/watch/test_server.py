"""The live page: from the log alone, on this machine alone, renewed when events come."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from tests.patience import LIMIT_S
from tests.unit.report import example

from perch.errors import RecordError
from perch.log.events import EventLog
from perch.report.asking.page_data import unpacked
from perch.watch.server import Watch


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    """The log of a run whose first trial has reported."""
    study = {"name": "live", "space": example.SPACE, "strategy": "asha", "epochs": 9, "budget": {"trials": 4}}
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    log = EventLog(tmp_path / "run" / "events")
    log.append({"e": "attempt", "n": 1, "accepts_bytes": {}, "used_s": 0.0, "workers": 1})
    report(log, "00000", 0.5)
    yield log
    log.close()


def report(log: EventLog, trial: str, value: float) -> None:
    config = {
        "lr": 0.01 * value,
        "atom_embedding_size": 16,
        "num_graph_conv_layers": 2,
        "batch_size": 16,
        "pooling": "mean",
    }
    start = {"bracket": 0, "by": "random", "used_s": 1.0}
    log.append({"e": "trial", "id": trial, "i": int(trial), "config": config, **start})
    log.append({"e": "start", "id": trial, "seg": 0, "slots": 1, "used_s": 1.0})
    more = {"rung": 1, "rank": 1, "size": 1, "m": {"validation_mae_ev": value}, "used_s": 2.0}
    log.append({"e": "result", "id": trial, "seg": 0, "epoch": 1, "value": value, "d": "go", **more})


@pytest.fixture
def watch(log: EventLog) -> Iterator[Watch]:
    served = Watch(log.folder.parent)
    yield served
    served.close()


def get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=LIMIT_S) as answer:
        return str(answer.read().decode())


def trials(page: str) -> list[str]:
    found = re.search(r'<script type="text/plain" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    return [row[0] for row in unpacked(found[1])["rows"]]


def test_the_page_is_made_from_the_log_and_renewed_when_events_come(watch: Watch, log: EventLog) -> None:
    first = json.loads(get(watch.address + "version"))
    assert trials(get(watch.address)) == ["00000"] and not first["ended"]
    assert f'data-version="{first["version"]}"' in get(watch.address)
    report(log, "00001", 0.4)
    log.append({"e": "close", "why": "done", "reason": "", "used_s": 3.0})
    until_s = time.monotonic() + LIMIT_S
    while not json.loads(get(watch.address + "version"))["ended"] and time.monotonic() < until_s:
        time.sleep(0.05)
    assert trials(get(watch.address)) == ["00000", "00001"]
    assert json.loads(get(watch.address + "version"))["version"] != first["version"]


def test_nothing_is_written_into_the_runs_folder(watch: Watch, log: EventLog) -> None:
    get(watch.address)
    assert sorted(f.name for f in log.folder.parent.iterdir()) == ["events", "study.yaml"]


def test_it_listens_on_this_machine_alone_and_answers_nobody_without_the_token(watch: Watch) -> None:
    parts = urlsplit(watch.address)
    assert parts.hostname == "127.0.0.1" and len(parts.path) > 20
    for path in ("/", "/version", "/wrong-token/", watch.path + "../etc/passwd"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(f"http://{parts.netloc}{path}")
        assert refused.value.code == 404


def test_the_served_page_may_ask_its_own_server_and_nobody_else(watch: Watch) -> None:
    assert "default-src 'none'" in get(watch.address) and "connect-src 'self'" in get(watch.address)


def test_what_cannot_be_watched_is_one_clear_error(log: EventLog, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no run at"):
        Watch(tmp_path / "gone")
    finished = example.write_run(tmp_path / "tables", trials=4, epochs=3)
    with pytest.raises(RecordError, match="holds no log"):
        Watch(finished)
