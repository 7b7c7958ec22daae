"""The live page in Chromium: news come by themselves, and the reader stays where he was."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.patience import LIMIT_S, eventually
from tests.unit.report import example
from tests.unit.watch.test_server import report

from perch.log.events import EventLog
from perch.log.requests import Answer, Requests
from perch.watch.server import Watch

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium"),
]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    study = {"name": "live", "space": example.SPACE, "strategy": "asha", "epochs": 9, "budget": {"trials": 4}}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    log = EventLog(tmp_path / "events")
    log.append({"e": "attempt", "n": 1, "accepts_bytes": {}, "used_s": 0.0, "workers": 1})
    report(log, "00000", 0.5)
    yield log
    log.close()


@pytest.fixture
def page(log: EventLog) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    watch = Watch(log.folder.parent)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=LIMIT_S * 1000)
        opened = browser.new_page()
        opened.set_default_timeout(LIMIT_S * 1000)
        opened.goto(watch.address)
        opened.locator("body[data-ready=yes]").wait_for()
        yield opened
        browser.close()
    watch.close()


def test_a_new_trial_appears_by_itself_with_filter_and_card_as_they_were(page: Any, log: EventLog) -> None:
    page.locator("#query").fill("state=running")
    page.locator("#table tbody tr").first.click()
    assert page.locator("#count").inner_text() == "1 of 1 trials"
    report(log, "00001", 0.4)
    page.get_by_text("2 of 2 trials").wait_for()
    assert page.locator("#query").input_value() == "state=running"
    assert page.locator("#card h2").inner_text() == "Trial 00000"
    page.get_by_text("Live.").wait_for()


def test_the_end_of_the_run_is_said(page: Any, log: EventLog) -> None:
    log.append({"e": "close", "why": "done", "reason": "", "used_s": 3.0})
    page.get_by_text("The run has ended.").wait_for()


def test_buttons_ask_the_run_and_show_its_answer(page: Any, log: EventLog) -> None:
    requests, seen = Requests(log.folder.parent), []

    def drive() -> None:
        for accepted in (True, True, False):
            [request] = eventually(lambda: list(requests.take()), "no request came")
            seen.append(
                {key: request.get(key) for key in ("do", "trial", "trials", "time", "config") if key in request}
            )
            if request["do"] == "stop":  # a run logs what it does; the page loads itself again, and its answer stays
                log.append({"e": "error", "id": "00000", "seg": 0, "epoch": 1, "failure": "on_request", "used_s": 2.5})
            requests.answer(request["id"], Answer(accepted, "it is done", "because", "do this"))

    driver = threading.Thread(target=drive)
    driver.start()
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("#table tbody tr").first.click()
    page.get_by_role("button", name="Stop this trial").click()
    page.get_by_text("stopped after 1 of 9 epochs", exact=True).wait_for()
    page.get_by_text("Done: it is done.").wait_for()
    page.get_by_role("button", name="Close the card").click()
    page.get_by_text("Control this run").click()
    page.locator("#ask-trials").fill("80")
    page.get_by_role("button", name="Change budget").click()
    page.get_by_text("Done: it is done.").wait_for()
    page.get_by_role("button", name="End the search").click()
    page.get_by_text("Refused: it is done. because. do this.").wait_for()
    driver.join()
    assert seen == [{"do": "stop", "trial": "00000"}, {"do": "budget", "trials": 80, "time": None}, {"do": "end"}]


def test_a_page_that_is_kept_as_a_file_has_no_buttons(page: Any, log: EventLog) -> None:
    from tests.unit.report import example

    from perch.report.drawing import draw_all
    from perch.report.page import render
    from perch.report.write import load

    report = load(example.write_run(log.folder.parent / "kept", trials=3, epochs=3))
    file = log.folder.parent / "kept.html"
    file.write_text(render(report, draw_all(report), {}), encoding="utf-8")
    page.goto(file.as_uri())
    page.locator("body[data-ready=yes]").wait_for()
    assert page.get_by_text("Control this run").count() == 0
