from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from perch.errors import RecordError
from perch.report.overview.incumbents import incumbents
from perch.report.several import comparison_page, refresh_comparison, write_reports
from perch.report.write import load


def test_several_runs_get_a_page_above_them_that_links_to_each(asha_run: Path, pbt_run: Path, tmp_path: Path) -> None:
    pages = write_reports([asha_run, pbt_run], tmp_path, files=False)
    text = pages[0].read_text(encoding="utf-8")
    assert pages == [tmp_path / "report.html", tmp_path / "asha" / "report.html", tmp_path / "pbt" / "report.html"]
    assert 'href="asha/report.html"' in text
    assert 'href="pbt/report.html"' in text
    assert "These runs differ in &#39;epochs&#39;" in text


def test_a_comparison_shows_its_verdicts_its_figures_and_its_runs(asha_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "comparison"
    shutil.copytree(asha_run, folder / "runs" / "asha-0")
    (folder / "figures").mkdir()
    svg = '<svg width="72pt" height="72pt" xmlns="http://www.w3.org/2000/svg"><g id="a"/></svg>'
    (folder / "figures" / "speed_up.svg").write_text(f"<?xml version='1.0'?>\n{svg}", encoding="utf-8")
    (folder / "figures" / "speed_up.txt").write_text("Speed-ups between 2 and 5.", encoding="utf-8")
    verdict = {"contrasts": [{"verdict": {"sentence": "asha reaches 0.3 eV first."}}]}
    content = {"notes": ["one block is missing"], "all_trials": verdict}
    (folder / "comparison.json").write_text(json.dumps(content), encoding="utf-8")
    text = write_reports([folder], files=False)[0].read_text(encoding="utf-8")
    for part in (
        "asha reaches 0.3 eV first.",
        "one block is missing",
        "Speed-ups between 2 and 5.",
        "runs/asha-0/report.html",
    ):
        assert part in text


def test_no_page_is_written_when_one_folder_is_missing(asha_run: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no run at"):
        write_reports([asha_run, tmp_path / "gone"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_two_runs_of_one_strategy_can_be_told_apart(asha_run: Path, tmp_path: Path) -> None:
    again = shutil.copytree(asha_run, tmp_path / "asha-again")
    summary = json.loads((again / "summary.json").read_text(encoding="utf-8"))
    (again / "summary.json").write_text(json.dumps({**summary, "run_id": "asha-again", "seed": 1}), encoding="utf-8")
    svg = incumbents([load(asha_run), load(again)])["svg"]
    assert "asha: asha<" in svg and "asha: asha-again<" in svg
    assert len(re.findall(r'stroke-dasharray: (?!none)[^;"]+', svg)) >= 1


def test_a_comparison_that_goes_on_shows_the_runs_that_have_ended(asha_run: Path, tmp_path: Path) -> None:
    shutil.copytree(asha_run, tmp_path / "runs" / "asha-0")
    (tmp_path / "runs" / "rs-0").mkdir()
    text = refresh_comparison(tmp_path, planned=4).read_text(encoding="utf-8")
    assert "1 of 4 runs have ended" in text and "runs/asha-0/report.html" in text and "rs-0" not in text
    before = (tmp_path / "runs" / "asha-0" / "report.html").stat().st_mtime_ns
    refresh_comparison(tmp_path, planned=4)
    assert (tmp_path / "runs" / "asha-0" / "report.html").stat().st_mtime_ns == before, (
        "it is not drawn again for nothing"
    )


def test_nothing_is_written_into_runs_that_lie_elsewhere(asha_run: Path, tmp_path: Path) -> None:
    run = shutil.copytree(asha_run, tmp_path / "elsewhere")
    (run / "report.html").unlink(missing_ok=True)
    (tmp_path / "judged").mkdir()
    text = comparison_page(tmp_path / "judged", [run]).read_text(encoding="utf-8")
    assert not (run / "report.html").exists() and 'elsewhere/report.html"' not in text
