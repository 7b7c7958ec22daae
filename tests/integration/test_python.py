"""The Python form: every example in the docstrings is executed, in the order of the page, and what people see is looked at."""

from __future__ import annotations

import doctest
import io
from pathlib import Path

import pytest
from ase.io import write

import perch
from perch.data.sources.toy import Toy
from perch.errors import RecordError, StudyError
from perch.study import DataSpec


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("python")
    entries = Toy().read(DataSpec(source="toy", select="count=4"), None, None)
    for entry in entries:
        entry.atoms.info, entry.atoms.calc = {"id": entry.id}, None
    write(folder / "structures.extxyz", [entry.atoms for entry in entries])
    return folder


@pytest.fixture(scope="module")
def examples(here: Path, shared_ray: dict[str, str]) -> Path:
    """The examples of Study, run and Run, executed; later tests look at the run that they made."""
    import os

    before = Path.cwd()
    os.chdir(here)
    try:
        said = io.StringIO()
        for found in (perch.Study, perch.run, perch.Run):
            for test in doctest.DocTestFinder(recurse=False).find(found, found.__name__, globs={}):
                assert test.examples, found
                runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
                runner.run(test, out=said.write)
                assert runner.failures == 0, said.getvalue()
    finally:
        os.chdir(before)
    return here / "results" / "first"


def test_the_examples_do_what_they_say(examples: Path) -> None:
    assert (examples / "summary.json").is_file()
    assert (examples.parents[1] / "incumbent.png").stat().st_size > 1000


def test_a_run_is_opened_predicts_from_structures_too_and_shows_itself(examples: Path, here: Path) -> None:
    found = perch.Run.load(examples)
    from ase.io import read

    atoms = read(here / "structures.extxyz", ":")
    by_file = found.predict(here / "structures.extxyz", device="cpu")
    assert found.predict(atoms, device="cpu").energy_ev.tolist() == by_file.energy_ev.tolist()
    assert found.predict(atoms[0], device="cpu").energy_ev.tolist() == pytest.approx(
        by_file.energy_ev.tolist()[:1], rel=1e-4
    )
    page = found._repr_html_()
    assert "first" in page and found.best["trial_id"] in page and str(examples) in page


@pytest.mark.parametrize("name", ["incumbent", "learning_curves", "hyperparameters", "rungs", "parity"])
def test_each_figure_is_matplotlibs(name: str, examples: Path) -> None:
    from matplotlib.figure import Figure

    assert isinstance(getattr(perch.Run.load(examples), f"plot_{name}")(), Figure)


def test_a_figure_that_is_none_or_without_data_is_a_clear_error(examples: Path) -> None:
    found = perch.Run.load(examples)
    with pytest.raises(RecordError, match="no figure is called 'incumbant'"):
        found.plot("incumbant")
    with pytest.raises(RecordError, match="has no figure 'lineage'"):
        found.plot("lineage")
    with pytest.raises(RecordError):
        perch.Run.load(examples.parent / "nothing")


def test_wrong_input_is_said_as_on_the_command_line() -> None:
    with pytest.raises(StudyError, match=r"cannot read the study 'no\.yaml'"):
        perch.run("no.yaml")
    with pytest.raises(StudyError, match="unknown key 'epoch'"):
        perch.Study(epoch=3)


def test_what_is_being_done_is_shown(
    examples: Path, capfd: pytest.CaptureFixture[str], shared_ray: dict[str, str]
) -> None:
    """A finished run ends at once, after it has said what it looked at."""
    perch.run(perch.Run.load(examples).study, out=examples.parent, run_id="first")
    assert "checking the study … " in capfd.readouterr().err


def test_help_is_of_the_function_and_says_what_it_takes() -> None:
    import pydoc

    page = pydoc.render_doc(perch.run, renderer=pydoc.plaintext)
    assert "function run in module perch" in page and "raise_on_failure" in page and "Example:" in page
    assert "what, why, and what to do" in (perch.__doc__ or "")
