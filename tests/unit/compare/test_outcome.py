"""What a comparison leaves behind: numbers, sentences and figures with their data."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.unit.compare.records import blocks_of

from perch.compare.figure import FIGURES, Scene
from perch.compare.figures.incumbents import interquartile_mean
from perch.compare.figures.rungs import levels
from perch.compare.figures.six_best import six_best
from perch.compare.outcome import conclude
from perch.compare.runs.gather import gather
from perch.compare.statistics.analysis import analyse
from perch.report.hover import spots
from perch.report.style import styled


@pytest.fixture(scope="module")
def scene() -> Scene:
    comparison = gather(blocks_of(10))
    return Scene(comparison, analyse(comparison.blocks, resamples=200))


def test_ten_blocks_of_a_strategy_that_stops_bad_trials_early(tmp_path: Path) -> None:
    lines = conclude(blocks_of(10), tmp_path, figures=False)
    content = json.loads((tmp_path / "comparison.json").read_text())
    assert len(content["all_trials"]["contrasts"]) == 3
    assert all(c["ratio"]["estimator"] and c["verdict"]["sentence"] for c in content["all_trials"]["contrasts"])
    assert content["without_collapsed"]["budget_s"] < content["all_trials"]["budget_s"] == 100.0
    assert content["collapsed_share"]["rs"] == pytest.approx(0.25, abs=0.12)
    assert any("geometric mean" in line or "average runtimes" in line for line in lines)


def test_under_ten_blocks_there_are_intervals_and_no_verdict(tmp_path: Path) -> None:
    lines = conclude(blocks_of(4), tmp_path, figures=False)
    assert any("no verdicts: 10 blocks are needed, there are 4" in line for line in lines)
    content = json.loads((tmp_path / "comparison.json").read_text())
    assert {c["verdict"]["says"] for c in content["all_trials"]["contrasts"]} == {"no verdict"}
    assert any(c["ratio"]["low"] for c in content["all_trials"]["contrasts"])


def test_a_target_that_nobody_reaches_is_said(tmp_path: Path) -> None:
    lines = conclude(blocks_of(3), tmp_path, targets=[0.01], figures=False)
    assert "target 0.01 (given): no run reaches it" in lines


def test_where_half_of_the_reference_had_reported_nothing_there_is_no_target(tmp_path: Path) -> None:
    runs = blocks_of(3)
    for name, run in runs:
        if name == "rs":
            run.curves["time_s"] = run.curves["time_s"] / 2 + 40
    lines = conclude(runs, tmp_path, figures=False)
    assert "no target at 0.25 B: half of the runs of rs had reported nothing by then" in lines
    assert json.loads((tmp_path / "comparison.json").read_text())["all_trials"]["unreachable"][0] == {
        "share": 0.25,
        "value": None,
    }


def test_every_figure_leaves_pictures_data_and_words(tmp_path: Path) -> None:
    conclude(blocks_of(3), tmp_path)
    for folder in (tmp_path / "figures", tmp_path / "figures-without-collapsed"):
        for name, _ in FIGURES.ordered():
            assert (folder / f"{name}.png").stat().st_size > 5000
            assert "<svg" in (folder / f"{name}.svg").read_text()
            assert len(pd.read_csv(folder / f"{name}.csv"))
            assert len((folder / f"{name}.txt").read_text()) > 40


def test_what_can_be_pointed_at_in_a_figure_lies_where_it_is_drawn(scene: Scene) -> None:
    """The point of each run of rs in the picture of validation against test error, and its numbers."""
    figure = dict(FIGURES.ordered())["selection_bias"]
    table = figure.table(scene)
    with styled("selection_bias"):
        drawn = figure.draw(scene, table)
        drawn.canvas.draw()
        found = [spot for spot in spots(drawn) if spot[2].startswith("rs: ")]
        [axes] = drawn.axes
        mine = table[table["strategy"] == "rs"].iloc[0]
        x, y = axes.transData.transform((mine["validation_mae_ev"], mine["test_mae_ev"])) / drawn.bbox.size
    assert len(found) == (table["strategy"] == "rs").sum()
    there = [words for left, top, words in found if abs(left - x) < 1e-3 and abs(1 - top - y) < 1e-3]
    assert [w for w in there if f"{mine['validation_mae_ev']:.4g}" in w and f"{mine['test_mae_ev']:.4g}" in w]


def test_every_strategy_can_be_pointed_at_in_every_figure_of_curves_and_bars(tmp_path: Path) -> None:
    conclude(blocks_of(3), tmp_path)
    for entry in json.loads((tmp_path / "figures" / "figures.json").read_text()):
        found = entry["spots"]
        assert found and all(0 <= x <= 1 and 0 <= y <= 1 for x, y, _ in found), entry["name"]
        named = " ".join(words for *_, words in found)
        assert all(s in named for s in ("rs", "asha") if entry["name"] != "speed_up" or s != "rs"), entry["name"]


@pytest.fixture(scope="module")
def long_names() -> Scene:
    runs = [("asha+checkpoints=all" if strategy == "asha" else strategy, run) for strategy, run in blocks_of(3)]
    comparison = gather(runs)
    assert "asha+checkpoints=all" in comparison.strategies
    return Scene(comparison, analyse(comparison.blocks, resamples=20))


@pytest.mark.parametrize("name", [name for name, _ in FIGURES.ordered()])
def test_legends_lie_inside_the_picture_though_a_name_is_long(long_names: Scene, name: str) -> None:
    figure = dict(FIGURES.ordered())[name]
    with styled(name):
        drawn = figure.draw(long_names, figure.table(long_names))
        drawn.canvas.draw()
        legends = [*drawn.legends, *(legend for axes in drawn.axes if (legend := axes.get_legend()) is not None)]
        for legend in legends:
            left, bottom, right, top = legend.get_window_extent().extents
            assert 0 <= left < right <= drawn.bbox.width and 0 <= bottom < top <= drawn.bbox.height


def test_figures_are_those_that_the_study_asks_for() -> None:
    assert [name for name, _ in FIGURES.ordered()] == [
        "incumbents", "ecdf", "speed_up", "selection_bias", "worker_seconds", "rungs", "six_best",
    ]  # fmt: skip


def test_the_published_figure_shows_six_best_by_validation_and_finished_trials(scene: Scene) -> None:
    curves = scene.comparison.curves["rs"][0]
    mean, deviation = six_best(curves, "validation_mae_ev", 1.0, [100.0])
    best = curves.sort_values("validation_mae_ev").drop_duplicates("trial_id").head(6)["test_mae_ev"]
    assert mean[0] == pytest.approx(best.mean()) and deviation[0] == pytest.approx(best.std())
    figure = dict(FIGURES.ordered())["six_best"]
    assert "trials" in figure.draw(scene, figure.table(scene)).axes[0].texts[0].get_text()
    assert figure.title.startswith("Reproduction")


def test_the_speed_up_is_drawn_against_the_target_from_easy_to_hard(scene: Scene) -> None:
    table = dict(FIGURES.ordered())["speed_up"].table(scene)
    assert table["target"].is_monotonic_decreasing and len(table) >= 8


def test_interquartile_mean_is_the_mean_of_the_middle_half() -> None:
    assert interquartile_mean(np.array([[0.0], [1], [2], [99]]))[0] == 1.5
    assert interquartile_mean(np.array([[3.0], [5.0]]))[0] == 4.0
    assert interquartile_mean(np.arange(5.0)[:, None])[0] == 2.0


def test_levels_end_at_the_last_epoch() -> None:
    assert levels(81) == [1, 3, 9, 27, 81] and levels(20) == [1, 3, 9, 20] and levels(1) == [1]
