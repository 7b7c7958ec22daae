"""One winner: terminal, report, summary.json, best/ and ``perch predict`` give the same numbers under the same words."""

from __future__ import annotations

import json
import re

import pytest
from tests.unit.best.small_run import SmallRun
from typer.testing import CliRunner

from perch.cli.predict import app
from perch.record import load
from perch.record.words import totals, winner_line
from perch.report.report_data import gather
from perch.report.verdict import sentences
from perch.runs.last_lines import closing
from perch.runs.outcome import Outcome


@pytest.fixture
def places(raced: SmallRun) -> dict[str, str]:
    """What each place says."""
    for name in ("confirm-00001-1", "confirm-00001-2", "confirm-00000-1"):
        raced.keep(name, 3)
    raced.write()
    folder = raced.folder
    predicted = CliRunner().invoke(app, [str(folder.path), str(raced.path / "slabs.extxyz")])
    assert predicted.exit_code == 0, predicted.output
    return {
        "terminal": "\n".join(closing(Outcome(folder, "done", ""))),
        "report": "\n".join(text for _, text in sentences(gather(load(folder.path)))),
        "best": "\n".join(json.loads((folder.best / "winner.json").read_text())["words"]),
        "predict": predicted.stderr,
    }


def test_every_place_names_the_winner_in_the_same_words(raced: SmallRun, places: dict[str, str]) -> None:
    summary = load(raced.folder.path).summary
    line = winner_line(summary)
    assert "2 fresh seeds" in line and "0.320 ± 0.028 eV" in line, line
    assert {place: line in said for place, said in places.items()} == dict.fromkeys(places, True)


def test_no_place_gives_an_error_in_ev_that_is_not_the_summarys_or_the_ensembles(
    raced: SmallRun, places: dict[str, str]
) -> None:
    summary = load(raced.folder.path).summary
    together = json.loads((raced.folder.best / "winner.json").read_text())["ensemble"]
    won = summary["winner"]
    known = {f"{won[name]:.3f}" for name in ("validation_mae_ev", "test_mae_ev")} | {
        f"{v:.3f}" for v in together.values()
    }
    for place, said in places.items():
        found = set(re.findall(r"(?:validation|test) MAE ([\d.]+)", said))
        assert found and found <= known, (place, found, known)


def test_terminal_and_report_say_alike_whether_tuning_was_worth_it(places: dict[str, str]) -> None:
    worth = next(line for line in places["report"].splitlines() if "the starting point" in line)
    assert worth in places["terminal"]
    assert worth.startswith("Better than the starting point (trial 00000) by 0.305 eV, 95 % interval")


def test_times_and_epochs_are_the_same_in_terminal_tiles_and_summary(raced: SmallRun, places: dict[str, str]) -> None:
    from perch.report.verdict import numbers

    run = load(raced.folder.path)
    tiles = dict(numbers(gather(run)))
    assert totals(run.summary) in places["terminal"]
    assert (tiles["epochs of the search"], tiles["… their epochs"], tiles["trainings with fresh seeds"]) == (
        "4",
        "12",
        "4",
    )
    assert run.summary["search"]["epochs"] == 4 and run.summary["fresh_seeds"]["epochs"] == 12
    assert "search 4 epochs" in places["terminal"] and "4 trainings, 12 epochs" in places["terminal"]
    assert run.summary["search"]["wall_s"] + run.summary["fresh_seeds"]["wall_s"] == pytest.approx(
        run.summary["wall_s"]
    )
