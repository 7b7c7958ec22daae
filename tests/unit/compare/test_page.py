"""The page of a comparison while it goes on, from recorded runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from perch.compare.command import complete_blocks, refresh
from perch.compare.runs.plan import load_plan
from perch.report import several

RECORDED = Path(__file__).parents[3] / "studies" / "recorded" / "study-cmr"


def ended(folder: Path, *runs: str) -> None:
    """Runs of the recorded comparison that have ended by now."""
    (folder / "conditions").mkdir(exist_ok=True)
    for run in runs:
        shutil.copytree(RECORDED / "runs" / run, folder / "runs" / run)
        shutil.copy(RECORDED / "conditions" / f"{run}.json", folder / "conditions")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("plan.json", "study.yaml"):
        shutil.copy(RECORDED / name, tmp_path / name)
    return tmp_path


def test_it_lists_runs_as_they_end_and_judges_when_a_block_is_complete(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        several, "write", lambda run, *_, **__: run / "report.html"
    )  # the runs' own pages are tested elsewhere
    plan = load_plan(folder)
    ended(folder, "asha-0", "rs-0")
    refresh(plan, folder)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert f"2 of {len(plan.jobs())} runs have ended" in page and "runs/asha-0/report.html" in page
    assert not (folder / "comparison.json").exists(), "no block is complete"
    ended(folder, "ahb-0")
    assert complete_blocks(plan, folder) == 1
    refresh(plan, folder)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "asha against rs: no verdict with 1 block, 9 more are needed for one" in page
    assert "What each strategy did" in page and "Incumbents over time" in page


def test_a_page_that_cannot_be_written_is_said_and_ends_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("of a picture")

    monkeypatch.setattr(several, "refresh_comparison", broken)
    refresh(load_plan(folder), folder)
    assert "not refreshed: ZeroDivisionError: of a picture" in capsys.readouterr().out
