from __future__ import annotations

import hashlib
import itertools
import re
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pandas as pd
import pytest
from markupsafe import escape
from tests.unit.report.unpacking import unpacked

from perch.errors import RecordError
from perch.record.words import winner_line
from perch.report import refresh, write
from perch.report.asking.trials_table import trials_table
from perch.report.drawing import Drawn, NotDrawn, draw_all, write_all
from perch.report.page import asset, render
from perch.report.report_data import ReportData
from perch.report.verdict import sentences
from perch.report.write import replace_file


@pytest.fixture(scope="module")
def drawn(asha_drawn: list[Drawn | NotDrawn]) -> list[Drawn | NotDrawn]:
    return asha_drawn


@pytest.fixture(scope="module")
def html(asha: ReportData, drawn: list[Drawn | NotDrawn]) -> str:
    return render(asha, drawn, {})


def table_of(html: str) -> dict[str, list[list[object]]]:
    found = re.search(r'<script type="text/plain" id="data">(.*?)</script>', html, re.DOTALL)
    assert found
    return dict(unpacked(found[1]))


def test_nothing_in_the_page_comes_from_elsewhere(html: str) -> None:
    library = asset("vendor/uplot/uPlot.iife.min.js")
    assert library in html and not re.findall(r"fetch\(|XMLHttpRequest|import\(", library)
    without_namespaces = re.sub(r'xmlns(:\w+)?="[^"]*"|http://www.w3.org/2000/svg', "", html.replace(library, ""))
    assert not re.findall(r"https?://", without_namespaces)
    assert not re.findall(r"<(?:link|script|img|iframe)[^>]*\s(?:src|href)=\"(?!data:)", html)
    assert "default-src 'none'" in html


def test_the_page_holds_every_trial_and_every_figure(
    html: str, asha: ReportData, drawn: list[Drawn | NotDrawn]
) -> None:
    table = table_of(html)
    assert len(table["rows"]) == len(asha.trials)
    assert html.count("<figure data-figure") == sum(isinstance(one, Drawn) for one in drawn)
    for one in drawn:
        if isinstance(one, NotDrawn):
            assert escape(one.reason) in html


def test_headings_do_not_skip_a_level_and_identifiers_are_unique(html: str) -> None:
    levels = [int(n) for n in re.findall(r"<h(\d)", html)]
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    identifiers = re.findall(r'\sid="([^"]+)"', html)
    assert len(identifiers) == len(set(identifiers))


def test_text_from_a_trial_cannot_leave_its_place(asha: ReportData, drawn: list[Drawn | NotDrawn]) -> None:
    evil = '</script><script>alert(1)</script> <b>\u2028 & "quoted"'
    trials = asha.trials.assign(error=evil, status="failed", failure=evil, collapsed=False)
    page = render(replace(asha, trials=trials, summary={**asha.summary, "run_id": evil}), drawn, {})
    assert "<script>alert" not in page
    column = table_of(page)["columns"].index("error")
    assert table_of(page)["rows"][0][column] == evil


def test_cells_are_numbers_words_or_null(asha: ReportData) -> None:
    trials = asha.trials.copy()
    trials["rung"] = [float("nan"), *trials["rung"].iloc[1:]]
    trials["error"] = ["x" * 5000, *trials["error"].iloc[1:]]
    table = trials_table(replace(asha, trials=trials))
    first = dict(zip(table["columns"], table["rows"][0], strict=True))
    assert first["rung"] is None
    assert len(first["error"]) == 300
    assert isinstance(first["epochs"], int)


def test_a_run_that_loses_to_the_ridge_says_so(asha: ReportData) -> None:
    better = replace(asha, summary={**asha.summary, "baselines": {"ridge_composition": 0.01, "mean": 1.4}})
    told = {kind: text for kind, text in sentences(better) if "ridge" in text}
    assert "loses to a ridge regression on composition (0.01 eV)" in told["warning"]
    assert not any("loses" in text for _, text in sentences(asha))


def test_the_claim_rests_on_the_winners_fresh_seeds(asha: ReportData) -> None:
    """The words are the terminal's; tests/unit/record/test_words.py has them all."""
    won = {
        "trial_id": "00007", "by": "random", "seeds": 3, "config": {"lr": 0.1}, "trained_to_the_end": True, "epochs": 27, "value": 0.9,
        "value_deviation": 0.1, "validation_mae_ev": 0.9, "validation_mae_ev_deviation": 0.1, "test_mae_ev": 1.0,
        "test_mae_ev_deviation": 0.2, "metrics": {}, "search": {"value": 0.8}, "selection_bias": 0.1,
    }  # fmt: skip
    summary = {**asha.summary, "winner": won, "beats_ridge": False}
    told = sentences(replace(asha, summary=summary))
    assert ("plain", f"Winner: {winner_line(summary)}.") in told
    assert any(kind == "warning" and "loses to" in text for kind, text in told)
    assert not any(text.startswith("Best ") for _, text in told), "one model, one set of numbers"


def test_a_space_that_cannot_learn_and_failures_are_pointed_out(asha: ReportData) -> None:
    trials = asha.trials.assign(collapsed=True, epochs=27)
    assert any("cannot learn" in text for _, text in sentences(replace(asha, trials=trials)))
    failed = asha.trials.assign(status="failed", failure="memory", collapsed=False)
    assert any("60 memory" in text for _, text in sentences(replace(asha, trials=failed)))


def test_a_refresh_replaces_the_page_and_leaves_no_other_file(asha_run: Path) -> None:
    page = asha_run / "report.html"
    page.write_text("the old page", encoding="utf-8")
    before = page.stat().st_ino
    assert refresh(asha_run) == page
    assert page.stat().st_ino != before
    assert not [f for f in asha_run.iterdir() if f.name.endswith(".new")]


def test_figures_are_linked_where_they_were_written(asha_page: Path) -> None:
    links = re.findall(r'href="(figures/[^"]+)"', asha_page.read_text(encoding="utf-8"))
    assert len(links) >= 4 * 8
    assert all((asha_page.parent / link).is_file() for link in links)


def test_no_folder_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no run at"):
        write(tmp_path / "nothing")


def test_an_unwritable_place_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(RecordError, match="cannot write"):
        replace_file(tmp_path / "file" / "below", "text")
    with pytest.raises(RecordError, match="cannot write"):
        write_all([], tmp_path / "file" / "below")


def test_a_run_of_another_trainable_is_shown_without_mae(asha: ReportData) -> None:
    curves = asha.curves[["trial_id", "segment", "epoch", "time_s"]].assign(accuracy=0.5 + asha.curves["epoch"] / 100)
    trials = asha.trials.drop(columns=["collapsed", "test_mae_ev"]).assign(best_value=0.6)
    study = asha.study.model_copy(update={"metric": "accuracy", "mode": "max"})
    best = {"trial_id": "00000", "config": {}, "epoch": 3, "value": 0.6, "confirmed": None}
    summary = {**asha.summary, "best": best, "baselines": {}}
    foreign = replace(
        asha, study=study, curves=curves, trials=trials, predictions=None, summary=summary, overheads=pd.DataFrame()
    )
    page = render(foreign, draw_all(foreign), {})
    assert "Best accuracy" in page
    assert "no baselines" in page


def test_the_contents_lead_to_every_section(html: str) -> None:
    contents = html[html.index('<nav id="contents"') : html.index('<div id="content">')]
    links = re.findall(r'href="#([^"]+)"', contents)
    assert links == re.findall(r'<h2 id="([^"]+)"', html)


def test_the_librarys_licence_stands_in_the_page_and_its_files_are_those_that_were_published(html: str) -> None:
    vendor = resources.files("perch.report") / "assets" / "vendor"
    assert "Copyright (c) 2022 Leon Sorokin" in html
    listed = re.findall(r"^([0-9a-f]{64})  (\S+)$", (vendor / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(listed) == 2
    for digest, name in listed:
        assert hashlib.sha256((vendor / name).read_bytes()).hexdigest() == digest, name


def test_an_ended_run_without_a_result_is_not_called_unfinished(asha: ReportData) -> None:
    summary = {**asha.summary, "best": None, "status": "failed", "reason": "all 60 trials failed"}
    said = [text for _, text in sentences(replace(asha, summary=summary))]
    assert said[:2] == ["The run ended early: failed (all 60 trials failed).", "No trial has reported a result."]
    going_on = [text for _, text in sentences(replace(asha, summary={**summary, "status": "running"}))]
    assert "No trial has reported a result yet." in going_on
