"""Every registered figure: a new file is tested the moment it exists."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from perch.report.drawing import Drawn, NotDrawn, draw, draw_all
from perch.report.figure import FIGURES, Missing
from perch.report.figures.contour import smoothed
from perch.report.report_data import ReportData
from perch.report.style import inline_svg

NOTHING_YET = {"best": None, "baselines": {}, "baselines_test": {}}
"""What a summary says of results while there is none."""


@pytest.fixture(scope="module")
def drawn(asha_drawn: list[Drawn | NotDrawn]) -> dict[str, Drawn | NotDrawn]:
    return {one.name: one for one in asha_drawn}


@pytest.fixture(scope="module")
def drawn_pbt(pbt: ReportData) -> dict[str, Drawn | NotDrawn]:
    return {one.name: one for one in draw_all(pbt)}


@pytest.mark.parametrize("name", FIGURES.names())
def test_a_figure_is_drawn_or_says_why_not(
    name: str, drawn: dict[str, Drawn | NotDrawn], drawn_pbt: dict[str, Drawn | NotDrawn]
) -> None:
    made = [one for one in (drawn[name], drawn_pbt[name]) if isinstance(one, Drawn)]
    assert made, "neither an ASHA run nor a PBT run shows it"
    for one in made:
        assert len(one.description) > 40
        assert re.search(r"\d", one.description), "an alternative text says what is seen, with numbers"
        assert not one.table.empty
    for other in (drawn[name], drawn_pbt[name]):
        assert isinstance(other, Drawn) or other.reason
        assert isinstance(other, NotDrawn) or other.caption


@pytest.mark.parametrize("name", FIGURES.names())
def test_a_figure_of_a_run_without_a_trial_says_so(name: str, asha: ReportData) -> None:
    empty = replace(
        asha,
        summary=NOTHING_YET,
        trials=asha.trials.iloc[:0],
        curves=asha.curves.iloc[:0],
        overheads=asha.overheads.iloc[:0],
        predictions=None,
    )
    with pytest.raises(Missing, match=r"\w"):
        FIGURES.get(name).table(empty)


def test_inline_pictures_have_identifiers_of_their_own(drawn: dict[str, Drawn | NotDrawn]) -> None:
    seen: set[str] = set()
    for one in drawn.values():
        if isinstance(one, Drawn):
            svg = inline_svg(one.svg, one.name, one.description)
            identifiers = set(re.findall(r'\sid="([^"]+)"', svg))
            used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
            assert used <= identifiers
            assert not identifiers & seen
            seen |= identifiers


def test_inline_pictures_take_the_text_colour_and_load_nothing(drawn: dict[str, Drawn | NotDrawn]) -> None:
    for one in drawn.values():
        if isinstance(one, Drawn):
            svg = inline_svg(one.svg, one.name, one.description)
            root = ElementTree.fromstring(svg.replace("<svg ", '<svg xmlns:xlink="http://www.w3.org/1999/xlink" ', 1)
                                          if "xmlns:xlink" not in svg else svg)  # fmt: skip
            assert root.attrib["aria-label"] == one.description
            assert "currentColor" in svg
            addresses = re.findall(r'href="([^"]+)"', svg)
            assert all(a.startswith(("#", "data:image/png;base64,")) for a in addresses)


def test_equal_runs_give_equal_pictures(asha: ReportData, drawn: dict[str, Drawn | NotDrawn]) -> None:
    first, again = drawn["rungs"], draw("rungs", asha)
    assert isinstance(first, Drawn)
    assert isinstance(again, Drawn)
    assert first.svg == again.svg


def test_files_come_in_four_forms(asha_page: Path, drawn: dict[str, Drawn | NotDrawn]) -> None:
    starts = {"png": b"\x89PNG", "svg": b"<svg", "pdf": b"%PDF", "csv": b""}
    for name in (n for n, one in drawn.items() if isinstance(one, Drawn)):
        for form, start in starts.items():
            assert (asha_page.parent / "figures" / f"{name}.{form}").read_bytes().startswith(start)


def test_the_data_beside_a_picture_are_what_it_shows(asha: ReportData, asha_page: Path) -> None:
    written = pd.read_csv(asha_page.parent / "figures" / "incumbent.csv")
    assert np.allclose(written["value"], asha.incumbents["value"])


def test_rungs_count_every_trial_once_at_the_first_rung(asha: ReportData) -> None:
    table = FIGURES.get("rungs").table(asha)
    reached = table["reached"].tolist()
    assert reached[0] == int((asha.trials["epochs"] >= 1).sum())
    assert reached == sorted(reached, reverse=True)
    ended = table.drop(columns=["epochs", "reached", "went_on"]).sum(axis=1)
    assert (ended + table["went_on"] == table["reached"]).all()


def test_each_number_at_the_baselines_says_which_error_it_is(asha: ReportData) -> None:
    summary = {
        **asha.summary,
        "baselines": {"mean_per_adsorbate": 0.764},
        "baselines_test": {"mean_per_adsorbate": 0.936},
    }
    figure = FIGURES.get("baselines")
    given = replace(asha, summary=summary)
    axes = figure.draw(given, figure.table(given)).axes[0]
    assert [text.get_text() for text in axes.texts][-2:] == ["0.764", "test 0.936"]


def test_the_colour_of_a_dot_says_how_far_its_trial_trained(asha: ReportData) -> None:
    figure = FIGURES.get("hyperparameters")
    dots = figure.draw(asha, figure.table(asha)).axes[0].collections[0]
    assert sorted(dots.get_array()) == sorted(asha.trials["epochs"])


def test_an_empty_run_is_not_told_what_its_strategy_lacks(asha: ReportData) -> None:
    for status, said in (("running", "no trial has started yet"), ("failed", "no trial has started")):
        empty = replace(asha, summary={**NOTHING_YET, "status": status}, trials=asha.trials.iloc[:0])
        for name in ("rungs", "hyperparameters"):
            with pytest.raises(Missing, match=f"^{said}$"):
                FIGURES.get(name).table(empty)


def test_a_population_is_not_described_as_if_trials_were_stopped(pbt: ReportData, asha: ReportData) -> None:
    captions = [FIGURES.get("learning_curves").caption_of(run) for run in (pbt, asha)]
    assert "a dot where it ended" not in captions[0] and "took over another's weights" in captions[0]
    assert "a dot where it ended" in captions[1]


def test_of_many_curves_an_even_share_is_drawn_and_said(asha: ReportData, monkeypatch: pytest.MonkeyPatch) -> None:
    figure, limit = FIGURES.get("learning_curves"), "perch.report.figures.learning_curves.MOST_LINES"
    table = figure.table(asha)
    all_lines = sum(len(lines.get_segments()) for lines in figure.draw(asha, table).axes[0].collections)
    monkeypatch.setattr(limit, len(asha.trials) // 4)
    few = sum(len(lines.get_segments()) for lines in figure.draw(asha, table).axes[0].collections)
    assert all_lines >= len(asha.trials) > 0
    assert all_lines / 6 < few < all_lines / 3
    assert "One in" in figure.caption_of(asha)
    assert len(figure.table(asha)) == len(table), "the table holds all of them"


def test_importance_says_where_only_survivors_or_no_random_trials_are_seen(asha: ReportData) -> None:
    figure = FIGURES.get("importance")
    many = replace(asha, trials=asha.trials.assign(by="tpe"))
    table = figure.table(many)
    assert figure.warn is not None
    assert "drawn at random" in figure.warn(many, table)
    assert "drawn at random" not in figure.warn(asha, figure.table(asha))
    assert table["epoch"].iloc[0] == 1 and table["trials"].iloc[0] >= 54


def test_the_map_is_blank_where_no_trial_is_near_and_keeps_a_plane_flat() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0, 0.5, 80), rng.uniform(0, 1, 80)
    field = smoothed(x, y, np.full(80, 3.0))
    assert np.isnan(field[:, -1]).all()
    assert np.nanmin(field) == pytest.approx(3.0) == pytest.approx(np.nanmax(field))


def test_a_rule_that_judges_every_epoch_gives_few_rows(asha: ReportData) -> None:
    judged = replace(asha, trials=asha.trials.assign(rung=np.arange(len(asha.trials)) % 40 + 1))
    assert len(FIGURES.get("rungs").table(judged)) <= 13


def test_the_lineage_follows_donors_to_their_first_epoch_without_gap(pbt: ReportData) -> None:
    table = FIGURES.get("lineage").table(pbt)
    assert table["epoch"].tolist() == list(range(1, int(table["epoch"].max()) + 1))
    assert table["trial_id"].nunique() > 1


def test_the_error_by_group_is_the_mean_of_its_structures(asha: ReportData) -> None:
    assert asha.predictions is not None
    table = FIGURES.get("errors").table(asha).set_index(["by", "group"])
    test = asha.predictions[asha.predictions["split"] == "test"]
    carbon = test[test["adsorbate"] == "CO"]
    error = (carbon["prediction_ev"] - carbon["target_ev"]).abs().mean()
    assert table.loc[("adsorbate", "CO"), "test_mae_ev"] == pytest.approx(error)
    with_copper = test["formula"].str.contains("Cu").sum()
    assert table.loc[("element", "Cu"), "structures"] == with_copper


def test_a_calibrated_ensemble_is_called_calibrated(asha: ReportData) -> None:
    rng = np.random.default_rng(0)
    deviation = rng.uniform(0.05, 0.5, 4000)
    same = {"id": "x", "split": "test", "formula": "Pt", "adsorbate": "O", "size": 5, "target_ev": 0.0}
    made = pd.DataFrame(same, index=range(4000)).assign(deviation_ev=deviation)
    told = {}
    for name, factor in (("right", 1.0), ("confident", 2.0)):
        given = replace(asha, predictions=made.assign(prediction_ev=factor * deviation * rng.normal(size=4000)))
        figure = FIGURES.get("calibration")
        told[name] = figure.describe(given, figure.table(given))
    assert "about right" in told["right"]
    assert "too small" in told["confident"]


def test_structures_are_drawn_where_the_run_has_kept_them(asha: ReportData, tmp_path: Path) -> None:
    from ase.build import add_adsorbate, fcc111
    from ase.io import write

    figure = FIGURES.get("worst")
    table = figure.table(asha)
    slab = fcc111("Pt", (2, 2, 3), vacuum=6)
    add_adsorbate(slab, "O", 1.2, "fcc")
    slab.info = {"id": table["id"].iloc[0]}
    (tmp_path / "best").mkdir()
    write(tmp_path / "best" / "worst.extxyz", [slab])
    kept = replace(asha, folder=tmp_path)
    axes = figure.draw(kept, table).axes
    circles = axes[0].collections[0].get_paths()
    assert len(circles) == len(slab)
    assert len(axes) == len(table)
