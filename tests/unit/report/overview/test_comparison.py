"""What the page of a comparison says, with the strategies' names and in numbers that can be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from perch.report.overview.comparison import figures, sentences, span, tables


def contrast(strategy: str, value: float, says: str = "no verdict", sentence: str = "") -> dict[str, Any]:
    sentence = sentence or f"{strategy} against rs: no verdict with 4 blocks, 6 more are needed for one"
    ratio = {
        "value": 2.0,
        "low": 0.001,
        "high": 34181049.35,
        "estimator": "geometric mean",
        "censored": 0.0,
        "censored_reference": 0.5,
    }
    before = {"probability": 0.7, "low": 0.4, "high": 0.9}
    return {"strategy": strategy, "target": {"value": value, "share": 0.5}, "ratio": ratio, "before": before,
            "verdict": {"says": says, "sentence": sentence}}  # fmt: skip


def comparison(*contrasts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"reference": "rs", "seeds": [0, 1], "mode": "min", "all_trials": {"contrasts": list(contrasts)}, **more}


def test_no_verdict_is_said_once_for_each_strategy_with_its_name() -> None:
    found = comparison(*(contrast(s, v) for s in ("ahb", "asha") for v in (0.5, 0.4)), notes=["a seed is missing"])
    assert sentences(found) == [
        ("warning", "a seed is missing"),
        ("plain", "ahb against rs: no verdict with 4 blocks, 6 more are needed for one."),
        ("plain", "asha against rs: no verdict with 4 blocks, 6 more are needed for one."),
    ]


def test_a_verdict_names_its_target_in_the_metrics_own_sign() -> None:
    found = comparison(contrast("asha", -0.91, "faster", "asha is faster than rs"), mode="max")
    assert sentences(found) == [("plain", "To 0.91 (median at 0.5 of the budget): asha is faster than rs.")]


def test_bounds_that_no_comparison_measures_are_not_printed_to_the_last_digit() -> None:
    assert span(contrast("asha", 0.5)["ratio"]) == "2.00× [< 0.01×, > 100×]"
    assert span({"value": None, "low": 3.0, "high": None}) == "at least 3.00×"
    assert span({"value": None, "low": None, "high": None}) == "–"


def test_importance_and_rank_correlation_stand_on_the_page() -> None:
    early = [{"rung": 1, "correlation": 0.4, "low": 0.3, "high": 0.5, "curves": 120}]
    found = comparison(
        contrast("asha", 0.5), importance=[{"key": "lr", "share": 0.6, "low": 0.4, "high": 0.7}], early_stopping=early
    )
    made = {table["title"]: table["rows"] for table in tables(found)}
    assert made["Which hyperparameters matter"] == [["lr", "60%", "40% to 70%"]]
    assert made["Was early stopping safe?"] == [["1", "0.40", "0.30 to 0.50", "120"]]
    assert "Speed-ups without collapsed trials" not in made, "a table without rows is left out"


def test_figures_have_the_titles_and_the_order_of_their_index(tmp_path: Path) -> None:
    folder = tmp_path / "figures"
    folder.mkdir()
    for name in ("a_b", "c"):
        (folder / f"{name}.svg").write_text('<svg width="72pt" height="72pt"/>', encoding="utf-8")
        (folder / f"{name}.txt").write_text("words", encoding="utf-8")
    assert [one["title"] for one in figures(tmp_path)] == ["A b", "C"]
    index = [
        {"name": "c", "title": "Second first", "caption": "Why."},
        {"name": "a_b", "title": "Then this", "caption": ""},
    ]
    (folder / "figures.json").write_text(json.dumps(index), encoding="utf-8")
    assert [(one["title"], one["caption"]) for one in figures(tmp_path)] == [
        ("Second first", "Why."),
        ("Then this", ""),
    ]


@pytest.mark.parametrize("missing", ["all_trials", "work", "importance"])
def test_a_comparison_without_a_part_is_shown_without_it(missing: str) -> None:
    found = comparison(contrast("asha", 0.5))
    found.pop(missing, None)
    assert all(table["rows"] for table in tables(found))
