"""The report in Chromium: nothing is fetched, nothing complains, it reads in the dark, and its table works."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.patience import LIMIT_S
from tests.unit.compare.records import blocks_of
from tests.unit.report import example

from perch.compare.outcome import conclude
from perch.report import refresh
from perch.report.several import write_reports

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
    ready(opened, page_file)
    yield opened
    opened.close()


def ready(opened: Any, page_file: Path) -> None:
    """Open the page and wait until its scripts have built it."""
    opened.goto(page_file.as_uri())
    opened.locator("body[data-ready=yes]").wait_for()


def chart(page: Any, name: str) -> Any:
    """The plotting area of an interactive figure, scrolled into sight."""
    page.locator(f'[data-figure="{name}"]').scroll_into_view_if_needed()
    area = page.locator(f'[data-figure="{name}"] .u-over').first
    area.wait_for()
    return area


def chosen(page: Any) -> str:
    """The trial whose card is open, by its heading."""
    return str(page.locator("#card h2").inner_text()) if page.locator("#card").is_visible() else ""


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
    ready(opened, page_file)
    for name in ("incumbent", "learning_curves", "hyperparameters", "contour"):
        chart(opened, name)
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
    ready(opened, page_file)
    opened.locator("#query").fill("nonsense<1")
    assert (
        opened.evaluate(
            CONTRAST, "p, dt, dd, td, th button, h1, h2, h3, figcaption, a, button:enabled, summary, .said li, .key li"
        )
        >= 4.5
    )
    assert opened.evaluate(CONTRAST, ".picture:not([hidden]) svg text") >= 4.5
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
    for name in ("incumbent", "learning_curves", "hyperparameters", "contour"):
        chart(page, name)
    pictures = page.get_by_role("img").all()
    assert len(pictures) >= 9
    assert all(len(picture.get_attribute("aria-label") or "") > 40 for picture in pictures)


@pytest.mark.parametrize("width", [390, 400, 800, 1300])
def test_the_page_fits_a_telephone_and_a_small_window(browser: Any, page_file: Path, width: int) -> None:
    opened = patient(browser.new_page(viewport={"width": width, "height": 800}))
    ready(opened, page_file)
    for name in ("incumbent", "learning_curves", "hyperparameters", "contour"):
        chart(opened, name)
    opened.locator("#table tbody tr").first.click()
    assert chosen(opened)
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    opened.close()


def test_a_term_that_is_not_understood_filters_nothing_and_says_how_to_write_it(page: Any) -> None:
    page.locator("#query").fill("=4 lr < 0.01 epohcs>3 lr=abc state<2")
    said = page.locator("#filter-said li").all_inner_texts()
    assert "it needs a column and a value around '='" in said[0]
    assert said[1].startswith("lr<0.01: ") and said[1].endswith("of 250 trials have it")
    assert "no column is called 'epohcs'; did you mean epochs>3?" in said[2]
    assert "lr holds numbers, and 'abc' is none; write lr=0.01" in said[3]
    assert "holds words, which are compared with = or != only" in said[4]
    only = page.locator("#count").inner_text()
    page.locator("#query").fill("lr<0.01")
    assert page.locator("#count").inner_text() == only


def test_several_values_of_a_column_can_be_asked_for(page: Any) -> None:
    page.locator("#query").fill("batch_size=16|64")
    assert set(column(page, "batch_size")) == {"16", "64"}


def test_a_row_opens_the_card_with_configuration_curve_and_words(page: Any) -> None:
    best = column(page, "trial_id")[0]
    page.locator("#table tbody tr").first.click()
    assert chosen(page) == f"Trial {best}"
    words = page.locator("#card").inner_text()
    assert all(part in words for part in ("atom_embedding_size", "Curve", "The run's log is not in its folder"))
    assert page.locator("#table tr.chosen").count() == 1
    page.keyboard.press("Escape")
    assert chosen(page) == ""
    assert page.evaluate("document.activeElement.textContent") == best, "the keyboard is where it was"


def test_a_dot_of_the_incumbent_and_a_curve_open_the_same_card_as_the_row(page: Any) -> None:
    for name in ("incumbent", "learning_curves"):
        area = chart(page, name)
        box = area.bounding_box()
        found = page.evaluate(
            """([name, box]) => {
              const last = perch.data.improvements.at(-1);
              return [last[2], perch.id(last[2])];
            }""",
            [name, box],
        )
        where = page.evaluate(
            """(name) => {
              const over = document.querySelector(`[data-figure="${name}"] .u-over`);
              const box = over.getBoundingClientRect();
              for (let y = box.height - 1; y > 0; y -= 2) {
                for (let x = box.width - 1; x > 0; x -= 4) {
                  over.dispatchEvent(new MouseEvent("mousemove", { clientX: box.left + x, clientY: box.top + y, bubbles: true }));
                  if (perch.state.hovered === perch.data.improvements.at(-1)[2]) return [x, y];
                }
              }
              return null;
            }""",
            name,
        )
        assert where, f"{name} shows the best trial nowhere"
        area.click(position={"x": where[0], "y": where[1]})
        assert chosen(page) == f"Trial {found[1]}"
        page.keyboard.press("Escape")


def test_the_pointer_says_which_trial_it_is_at(page: Any) -> None:
    area = chart(page, "hyperparameters")
    area.evaluate("""(over) => {
      const box = over.getBoundingClientRect();
      for (let y = 0; y < box.height && document.getElementById("tip").hidden; y += 4) {
        for (let x = 0; x < box.width && document.getElementById("tip").hidden; x += 4) {
          over.dispatchEvent(new MouseEvent("mousemove", { clientX: box.left + x, clientY: box.top + y, bubbles: true }));
        }
      }
    }""")
    assert re.match(r"Trial \d{5}: \w+ after \d+ epochs, best validation MAE", page.locator("#tip").inner_text())


def test_dragging_zooms_and_the_button_shows_the_whole_chart(page: Any) -> None:
    area = chart(page, "learning_curves")
    box = area.bounding_box()
    button = page.locator('[data-figure="learning_curves"]').get_by_role("button", name="Whole chart")
    assert not button.is_visible()
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 260, box["y"] + 200, steps=5)
    page.mouse.up()
    button.click()
    assert not button.is_visible()
    assert chosen(page) == "", "a drag is no click"


def test_the_keyboard_goes_from_trial_to_trial_and_opens_one(page: Any) -> None:
    chart(page, "learning_curves")
    page.locator('[data-figure="learning_curves"] .chart').focus()
    page.keyboard.press("ArrowRight")
    best = column(page, "trial_id")[0]
    assert page.locator("#said").text_content().startswith(f"Trial {best}: ")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert chosen(page) == f"Trial {column(page, 'trial_id')[1]}"


def test_dragging_along_an_axis_writes_a_filter_that_all_charts_follow(page: Any) -> None:
    figure = page.locator('[data-figure="parallel"]')
    figure.scroll_into_view_if_needed()
    box = figure.locator("canvas.over").bounding_box()
    page.mouse.move(box["x"] + 44, box["y"] + 345)
    page.mouse.down()
    page.mouse.move(box["x"] + 44, box["y"] + 200, steps=4)
    page.mouse.up()
    query = page.locator("#query").input_value()
    assert re.fullmatch(r"atom_embedding_size>=\S+ atom_embedding_size<=\S+", query)
    shown = int(page.locator("#count").inner_text().split()[0])
    assert 0 < shown < 250
    assert page.evaluate("perch.state.passing.reduce((a, b) => a + b, 0)") == shown


def test_a_rung_lists_its_trials_and_opens_one(page: Any) -> None:
    table = page.locator("#rung-table")
    table.scroll_into_view_if_needed()
    table.locator("summary").first.click()
    first = table.locator(".names button").first
    name = first.inner_text()
    first.click()
    assert chosen(page) == f"Trial {name}"


def test_columns_are_chosen_and_the_first_ones_stay_in_sight(page: Any) -> None:
    headings = [h.rstrip(" ▲▼") for h in page.locator("#table thead th").all_inner_texts()]
    assert headings[:2] == ["trial_id", "state"] and "start_s" not in headings
    page.locator("#columns summary").click()
    page.get_by_label("start_s").check()
    page.get_by_label("lr", exact=True).uncheck()
    headings = [h.rstrip(" ▲▼") for h in page.locator("#table thead th").all_inner_texts()]
    assert "start_s" in headings and "lr" not in headings
    page.set_viewport_size({"width": 700, "height": 700})
    page.evaluate("document.querySelector('.scroll.table').scrollLeft = 400")
    box = page.locator("#table tbody tr").first.locator("td").first.bounding_box()
    assert box["x"] >= 0


def test_what_is_copied_is_a_configuration_a_point_of_a_study_and_a_command(page: Any) -> None:
    import yaml

    assert page.locator("#best-copies button").count() == 3
    page.locator("#table tbody tr").first.click()
    texts = {b.inner_text(): b.get_attribute("data-text") for b in page.locator("#card .copies button").all()}
    config = json.loads(texts["Copy configuration"])
    point = yaml.safe_load(texts["Copy as point of a study"])["points"][0]
    assert {key: config[key] for key in point} == point
    words = shlex.split(texts["Copy perch train"])
    assert json.loads(words[1]) == config
    assert words[4:6] == ["&&", "perch"] and words[6] == "train" and words[7].endswith("/study.yaml")


def test_two_other_hyperparameters_can_be_mapped(page: Any) -> None:
    chart(page, "contour")
    figure = page.locator('[data-figure="contour"]')
    figure.get_by_label("Hyperparameter across").select_option("lr")
    figure.get_by_label("Hyperparameter up").select_option("num_graph_conv_layers")
    assert figure.get_by_role("img", name="over lr and num_graph_conv_layers").count() == 1
    figure.get_by_label("Hyperparameter up").select_option("lr")
    assert "Choose two different hyperparameters" in figure.inner_text()


def test_pointing_at_a_picture_of_a_comparison_shows_the_values_there(browser: Any, tmp_path: Path) -> None:
    folder = tmp_path / "comparison"
    for seed in (0, 1):
        example.write_run(folder / "runs" / f"asha-{seed}", trials=20, epochs=9)
    conclude(blocks_of(3), folder)
    opened = patient(browser.new_page())
    opened.goto(write_reports([folder], files=False)[0].as_uri())
    for name in ("figures-selection-bias", "figures-worker-seconds", "incumbents-of-runs"):
        picture = opened.locator(f'[data-figure="{name}"] .picture')
        picture.scroll_into_view_if_needed()
        spots, box = json.loads(picture.get_attribute("data-spots")), picture.locator("svg").bounding_box()
        x, y, words = spots[len(spots) // 2]
        opened.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        opened.locator("#tip", has_text=":").wait_for()
        shown = opened.locator("#tip").inner_text()
        there = [w for a, b, w in spots if abs(a - x) * box["width"] < 2 and abs(b - y) * box["height"] < 2]
        assert words in there and set(shown.splitlines()) <= set(there), name
        assert picture.locator(".mark").is_visible()
        opened.mouse.move(box["x"] + 2, box["y"] + box["height"] - 2)
        opened.locator("#tip").wait_for(state="hidden")
    opened.close()
