"""The report in Chromium: nothing is fetched, nothing complains, it reads in the dark, and its table works."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.patience import LIMIT_S
from tests.unit.report import example

from perch.report import refresh

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return refresh(example.write_run(tmp_path_factory.mktemp("runs") / "asha", trials=250, epochs=27))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=LIMIT_S * 1000)
        yield started
        started.close()


def patient(opened: Any) -> Any:
    """A page whose loads and clicks wait for the machine."""
    opened.set_default_timeout(LIMIT_S * 1000)
    return opened


@pytest.fixture
def page(browser: Any, page_file: Path) -> Iterator[Any]:
    opened = patient(browser.new_page(color_scheme="light"))
    opened.goto(page_file.as_uri())
    yield opened
    opened.close()


def column(page: Any, name: str) -> list[str]:
    headings = [h.rstrip(" ▲▼") for h in page.locator("#table thead th").all_inner_texts()]
    return [str(t) for t in page.locator(f"#table tbody td:nth-child({headings.index(name) + 1})").all_inner_texts()]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_fetched_and_nothing_complains(browser: Any, page_file: Path, scheme: str) -> None:
    opened = patient(browser.new_page(color_scheme=scheme))
    requests: list[str] = []
    complaints: list[str] = []
    opened.on("request", lambda request: requests.append(request.url))
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto(page_file.as_uri())
    opened.locator("#query").fill("state=stopped")
    opened.locator("#next").click()
    opened.locator("#theme").click()
    assert [r for r in requests if not r.startswith("data:")] == [page_file.as_uri()]
    assert complaints == []
    opened.close()


CONTRAST = """
(selector) => {
  const numbers = (colour) => (colour.match(/[\\d.]+/g) || []).map(Number);
  const linear = (v) => (v <= 0.03928 * 255 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = (c) => 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]);
  const paper = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const c = numbers(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  return Math.min(...[...document.querySelectorAll(selector)].map((element) => {
    const style = getComputedStyle(element);
    const ink = numbers(element instanceof SVGElement ? style.fill : style.color);
    return ratio(luminance(ink), luminance(paper(element)));
  }));
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_pictures_can_be_read_in_light_and_dark(browser: Any, page_file: Path, scheme: str) -> None:
    opened = patient(browser.new_page(color_scheme=scheme))
    opened.goto(page_file.as_uri())
    assert (
        opened.evaluate(CONTRAST, "p, dt, dd, td, th button, h1, h2, h3, figcaption, a, button:enabled, summary") >= 4.5
    )
    assert opened.evaluate(CONTRAST, ".picture svg text") >= 4.5
    opened.close()


def test_the_button_turns_the_lights_off_and_on(page: Any) -> None:
    def paper() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    light = paper()
    page.locator("#theme").click()
    assert paper() != light
    page.locator("#theme").click()
    assert paper() == light


def test_the_table_begins_with_the_best_and_shows_a_page_of_it(page: Any) -> None:
    values = [float(v) for v in column(page, "best validation_mae_ev")]
    assert values == sorted(values)
    assert len(values) == 100
    assert page.locator("#count").inner_text() == "250 of 250 trials"
    page.locator("#next").click()
    page.locator("#next").click()
    assert page.locator("#page").inner_text() == "Page 3 of 3"
    assert len(column(page, "trial_id")) == 50


def test_a_heading_sorts_by_mouse_and_by_keyboard(page: Any) -> None:
    heading = page.get_by_role("columnheader", name="epochs")
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert column(page, "epochs")[0] == "1"
    heading.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    assert column(page, "epochs")[0] == "27"


def test_words_and_comparisons_filter(page: Any) -> None:
    page.locator("#query").fill("state=completed lr<0.01 adsorbate")
    assert set(column(page, "state")) == {"completed"}
    assert set(column(page, "pooling")) == {"adsorbate"}
    assert max(float(v) for v in column(page, "lr")) < 0.01
    page.locator("#query").fill("no such words")
    assert page.locator("#count").inner_text() == "0 of 250 trials"
    page.locator("#query").fill("")
    assert page.locator("#count").inner_text() == "250 of 250 trials"


def test_every_picture_has_a_name_for_those_who_do_not_see_it(page: Any) -> None:
    pictures = page.get_by_role("img").all()
    assert len(pictures) >= 9
    assert all(len(picture.get_attribute("aria-label") or "") > 40 for picture in pictures)


def test_the_page_fits_a_telephone(browser: Any, page_file: Path) -> None:
    opened = patient(browser.new_page(viewport={"width": 390, "height": 800}))
    opened.goto(page_file.as_uri())
    assert opened.evaluate("document.documentElement.scrollWidth") <= 390
    opened.close()
