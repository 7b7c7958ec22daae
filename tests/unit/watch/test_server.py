"""The live page: from the log alone, on this machine alone, renewed when events come."""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from tests.patience import LIMIT_S, eventually
from tests.unit.report import example
from tests.unit.report.unpacking import unpacked

from perch.errors import RecordError
from perch.log.events import EventLog
from perch.log.requests import Answer, Requests
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


def post(watch: Watch, body: object, **headers: str | None) -> tuple[int, str]:
    """A request as the page sends it, with changes; a header that is None is left out."""
    parts = urlsplit(watch.address)
    path = headers.pop("path", None) or f"{parts.path}ask"
    sent = {
        "Host": parts.netloc, "Origin": f"http://{parts.netloc}", "Content-Type": "application/json", "X-Perch-Token": watch.token,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }  # fmt: skip
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=LIMIT_S)
    connection.request("POST", path, data, {name: value for name, value in sent.items() if value is not None})
    answer = connection.getresponse()
    found = answer.status, answer.read().decode()
    connection.close()
    return found


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": None}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, 403),
        ({"X_Perch_Token": None}, 404),
        ({"X_Perch_Token": "guessed"}, 404),
        ({"X_Perch_Token": "gußed"}, 404),
        ({"path": "/guessed/ask"}, 404),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_no_other_site_can_ask_anything_of_the_run(
    watch: Watch, log: EventLog, headers: dict[str, Any], code: int
) -> None:
    given = {k: v.encode().decode("latin-1") if isinstance(v, str) else v for k, v in headers.items()}
    assert post(watch, {"do": "end"}, **given)[0] == code
    assert not (log.folder.parent / "requests").exists()


def test_a_page_that_is_asked_for_under_another_name_is_refused(watch: Watch) -> None:
    """A name of another site that points to this machine."""
    parts = urlsplit(watch.address)
    request = urllib.request.Request(watch.address, headers={"Host": f"evil.example:{parts.port}"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=LIMIT_S)
    assert refused.value.code == 403


def test_a_tunnels_port_is_as_good(watch: Watch, log: EventLog) -> None:
    code, said = post(watch, {"do": "dance"}, Host="localhost:9000", Origin="http://localhost:9000")
    assert code == 400 and "no request" in said


@pytest.mark.parametrize(
    "body",
    [b"no JSON", b"[]", {"do": "dance"}, {"do": "stop"}, {"do": "end", "more": 1}, {"do": "budget", "trials": 1, "time": "soon"}],
)  # fmt: skip
def test_what_is_no_request_is_refused_before_the_run_sees_it(watch: Watch, log: EventLog, body: object) -> None:
    assert post(watch, body)[0] == 400
    assert not (log.folder.parent / "requests").exists()


def test_a_long_body_is_refused_unread(watch: Watch) -> None:
    assert post(watch, b"x" * 20_000)[0] == 413


def test_the_answer_of_the_run_comes_back_to_the_page(watch: Watch, log: EventLog) -> None:
    requests = Requests(log.folder.parent)

    def drive() -> None:
        [request] = eventually(lambda: list(requests.take()), "no request came")
        requests.answer(request["id"], Answer(True, f"{request['do']} {request['trials']} {request['time']}"))

    driver = threading.Thread(target=drive)
    driver.start()
    code, said = post(watch, {"do": "budget", "trials": 9, "time": "2h"})
    driver.join()
    assert code == 200 and json.loads(said) == {"accepted": True, "what": "budget 9 7200.0", "why": "", "fix": ""}


def test_a_run_that_nobody_drives_answers_with_the_reason(watch: Watch, log: EventLog) -> None:
    log.append({"e": "close", "why": "interrupted", "used_s": 3.0})
    code, said = post(watch, {"do": "end"})
    found = json.loads(said)
    assert code == 200 and not found["accepted"] and "nobody drives" in found["what"] and "--later" in found["fix"]
