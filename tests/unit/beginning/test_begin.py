"""``perch init``: five questions, or flags, become a commented study that has been checked; nothing is written before."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from perch.beginning.begin import begin
from perch.beginning.questions import Answers
from perch.errors import DataError, StudyError
from perch.runs.check import check
from perch.study import load
from perch.trainables import kind_of


@pytest.fixture(autouse=True)
def slabs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twenty slabs with an adsorbate and two energies each."""
    metals = ("Cu", "Ag", "Au", "Ni", "Pd", "Pt", "Rh", "Ir", "Al", "Pb")
    frames = (
        f'2\nLattice="4 0 0 0 4 0 0 0 12" Properties=species:S:1:pos:R:3 E_ads={math.sin(k):.5f} E_slab={0.1 * k:.1f} kind=a '
        f'pbc="T T F"\n{metals[k % 10]} 0 0 3\nO 0.1 {0.1 + k * 0.01:.3f} 4.9\n'
        for k in range(20)
    )
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "slabs.extxyz").write_text("".join(frames), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_flags_alone_write_a_study_that_a_run_accepts(slabs: Path) -> None:
    said: list[str] = []
    given = Answers("data/slabs.extxyz", "E_ads - E_slab", "O", "30m", "mine")
    assert begin(given, None, force=False, ask=None, say=said.append) == 0
    study = load(slabs / "mine.yaml")
    check(kind_of(study))
    assert (study.name, study.data.path, study.data.target) == ("mine", "data/slabs.extxyz", "E_ads - E_slab")
    assert study.data.adsorbate is not None and study.data.adsorbate.symbols == ["O"]
    assert study.budget.time == 1800 and study.budget.trials is None
    assert "pooling" in study.search_space.dimensions
    assert "#" in (slabs / "mine.yaml").read_text()
    assert said[0].startswith("mine.yaml: 20 structures, target -2.")
    assert said[-1].endswith("perch run mine.yaml")


def test_questions_are_asked_with_the_keys_of_the_file_and_enter_takes_the_default(slabs: Path) -> None:
    asked: list[str] = []

    def ask(question: str, default: str) -> str:
        asked.append(question)
        return "data/slabs.extxyz" if question.startswith("1 of 5") else default

    begin(Answers(), None, force=False, ask=ask, say=lambda text: None)
    assert [question[:6] for question in asked] == [f"{n} of 5" for n in range(1, 6)]
    assert "E_ads, E_slab" in asked[1] and "kind" not in asked[1]
    study = load(slabs / "slabs.yaml")
    assert (study.data.target, study.data.adsorbate, study.budget.time) == ("E_ads", None, 3600)
    assert "pooling" not in study.search_space.dimensions


def test_only_what_is_not_given_is_asked(slabs: Path) -> None:
    asked: list[str] = []

    def ask(question: str, default: str) -> str:
        asked.append(question)
        return "12"

    begin(Answers("data/slabs.extxyz", "E_ads", "none", None, "n"), None, force=False, ask=ask, say=lambda text: None)
    assert len(asked) == 1
    assert load(slabs / "n.yaml").budget.trials == 12


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (Answers(), ["--data and --target", "no terminal"]),
        (Answers(data="data/slabs.extxyz"), ["--target"]),
        (Answers("data/slabs.extxyz", "E_adz"), ["E_adz", "did you mean 'E_ads'"]),
        (Answers("data/nothing.extxyz", "E_ads"), ["neither a data source nor a file"]),
        (Answers("data/slabs.extxyz", "E_ads", budget="8 parsecs"), ["a duration is written"]),
        (Answers("toy", "E_ads"), ["no file of structures"]),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(given: Answers, words: list[str], slabs: Path) -> None:
    with pytest.raises((StudyError, DataError)) as caught:
        begin(given, None, force=False, ask=None, say=lambda text: None)
    for word in words:
        assert word in str(caught.value)
    assert not list(slabs.glob("*.yaml"))


def test_a_file_that_is_there_is_not_written_over_unless_forced(slabs: Path) -> None:
    (slabs / "mine.yaml").write_text("precious")
    given = Answers("data/slabs.extxyz", "E_ads", name="mine")
    with pytest.raises(StudyError, match=r"'mine\.yaml' exists"):
        begin(given, None, force=False, ask=None, say=lambda text: None)
    assert (slabs / "mine.yaml").read_text() == "precious"
    begin(given, None, force=True, ask=None, say=lambda text: None)
    with pytest.raises(StudyError, match="cannot write"):
        begin(given, Path("elsewhere/mine.yaml"), force=False, ask=None, say=lambda text: None)
    Path("elsewhere").mkdir()
    begin(given, Path("elsewhere/mine.yaml"), force=False, ask=None, say=lambda text: None)
    assert load("elsewhere/mine.yaml").data.path == "../data/slabs.extxyz"
