"""What the page's scripts ask: curves, decisions and words of every trial."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from tests.unit.report.unpacking import unpacked

from perch.report.asking import page_data as module
from perch.report.asking.confirmations import confirmations
from perch.report.asking.page_data import packed, page_data
from perch.report.report_data import ReportData
from perch.why import explain, lines


def test_packing_keeps_values_and_holds_nothing_that_could_end_an_element() -> None:
    value = {"a": [1, 2.5, None], "b": "</script> \u2028 ü"}
    assert unpacked(packed(value)) == value
    assert set(packed(value)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")


def test_every_epoch_of_every_trial_is_in_the_curves(asha: ReportData) -> None:
    found = page_data(asha)["curves"]
    ids = list(asha.trials["trial_id"])
    rows = [(ids[t], first + k, v) for t, _, first, values in found for k, v in enumerate(values)]
    table = asha.curves.dropna(subset=["validation_mae_ev"])
    assert [(t, e) for t, e, _ in rows] == list(zip(table["trial_id"], table["epoch"], strict=True))
    assert [v for *_, v in rows] == pytest.approx(table["validation_mae_ev"].tolist(), rel=1e-5)


def test_missing_epochs_are_named_one_by_one(asha: ReportData) -> None:
    curves = asha.curves[(asha.curves["trial_id"] == "00000") & (asha.curves["epoch"] != 2)]
    found = page_data(replace(asha, curves=curves))["curves"]
    assert found[0][2] == curves["epoch"].tolist()


def test_segments_of_a_population_are_lines_of_their_own(pbt: ReportData) -> None:
    found = page_data(pbt)["curves"]
    assert len(found) == len(pbt.curves.drop_duplicates(["trial_id", "segment"]))
    assert max(segment for _, segment, *_ in found) > 0


def test_of_a_very_large_run_the_best_have_their_curves_and_others_an_even_share(
    asha: ReportData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_POINTS", len(asha.curves) // 2)
    monkeypatch.setattr(module, "SURELY", 5)
    kept = {curve[0] for curve in page_data(asha)["curves"]}
    best = asha.trials["best_value"].nsmallest(5).index
    assert set(best) <= kept and len(kept) < 0.7 * len(asha.trials)


LOG = [
    {"e": "attempt", "n": 1, "accepts_bytes": {}, "used_s": 0.0},
    *({"e": "trial", "id": f"0000{k}", "i": k, "config": {"lr": 0.1}, "bracket": 0, "by": "random", "used_s": 0.0} for k in range(3)),
    {"e": "result", "id": "00000", "seg": 0, "epoch": 1, "value": 0.5, "d": "go", "rung": 1, "rank": 1, "size": 1, "used_s": 1.0},
    {"e": "result", "id": "00001", "seg": 0, "epoch": 1, "value": 0.8, "d": "stop", "rung": 1, "cutoff": 0.5, "rank": 2, "size": 2,
     "used_s": 2.0},
    {"e": "error", "id": "00002", "failure": "code", "message": "one\ntwo\nValueError: the last line", "used_s": 3.0},
]  # fmt: skip


@pytest.fixture
def logged(asha: ReportData, tmp_path: Path) -> ReportData:
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "001.jsonl").write_text("".join(json.dumps(e) + "\n" for e in LOG), encoding="utf-8")
    return replace(asha, folder=tmp_path)


def test_a_card_says_what_perch_why_says(logged: ReportData) -> None:
    found = page_data(logged)["why"]
    for trial in range(3):
        printed = [line.strip() for line in lines(explain(LOG, f"0000{trial}", metric="validation_mae_ev", epochs=27))]
        assert set(found[trial]["said"]) <= set(printed)
    assert any("would have needed at most 0.5" in line for line in found[1]["said"])
    assert any("ValueError: the last line" in line for line in found[2]["said"])
    assert found[1]["judged"] == [[1, 0.8, 0.5, 2, 2, 2, 2, "stop"]]


def test_the_rungs_hold_decisions_and_cut_offs_of_the_log(logged: ReportData) -> None:
    rung = page_data(logged)["rungs"]
    assert rung == [
        {"bracket": 0, "epoch": 1, "trials": [0, 1], "values": [0.5, 0.8], "on": [1, 0], "cutoffs": [0.5, 0.5]}
    ]


def test_without_a_log_the_rungs_come_from_the_curves(asha: ReportData) -> None:
    found = page_data(asha)
    assert found["why"] == {}
    assert [rung["epoch"] for rung in found["rungs"]] == [1, 3, 9]
    first = found["rungs"][0]
    assert sum(first["on"]) == int((asha.trials["epochs"] > 1).sum()) and first["values"] == sorted(first["values"])


def test_the_buttons_at_the_head_copy_the_winner(asha: ReportData) -> None:
    summary = {**asha.summary, "winner": {"trial_id": "00007", "config": {"lr": 0.02}}}
    assert page_data(replace(asha, summary=summary))["winner"] == {"id": "00007", "config": {"lr": 0.02}}
    without = page_data(replace(asha, summary={**asha.summary, "winner": None}))["winner"]
    assert without["id"] == asha.summary["best"]["trial_id"] and without["config"] == asha.summary["best"]["config"]


def test_configurations_that_were_trained_again_are_one_row_each(asha: ReportData) -> None:
    rows = [(f"c-{of}-{k}", of, "completed", value, 1.1 * value) for of, values in (("00001", (0.5, 0.7)), ("00002", (0.4, 0.4)))
            for k, value in enumerate(values)]  # fmt: skip
    rows.append(("c-00002-2", "00002", "running", None, None))
    table = pd.DataFrame(rows, columns=["trial_id", "confirms", "status", "best_value", "test_mae_ev"])
    found = confirmations(replace(asha, confirmed=table))
    assert found is not None
    assert [row[:2] for row in found["rows"]] == [["00002", "2 of 3"], ["00001", "2 of 2"]]
    assert found["rows"][1][3:] == ["0.6 ± 0.14", "0.66 ± 0.16"]
    assert confirmations(asha) is None


def test_they_stand_in_the_order_of_their_settled_values(asha: ReportData) -> None:
    """As the winner is named."""
    rows = [("c-1-1", "00001", "completed", 0.2, 0.6, 0.5), ("c-2-1", "00002", "completed", 0.3, 0.4, 0.3)]
    columns = ["trial_id", "confirms", "status", "best_value", "test_mae_ev", "settled_value"]
    summary = {**asha.summary, "fresh_seeds": {**asha.summary["fresh_seeds"], "window": 5}}
    found = confirmations(replace(asha, summary=summary, confirmed=pd.DataFrame(rows, columns=columns)))
    assert found is not None and found["columns"][-1] == "… settled, 5 epochs in a row"
    assert [(row[0], row[-1]) for row in found["rows"]] == [("00002", "0.3"), ("00001", "0.5")]
