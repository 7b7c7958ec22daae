"""A study is checked in full when it is made: in Python and from a file, in the same words."""

import shutil
from pathlib import Path

import pytest

from perch import yaml12
from perch.errors import StudyError
from perch.study import Study, dump, load, parse

CASE = Path(__file__).parents[3] / "shared" / "cases" / "07-yaml-1e-4"

REFUSED = {
    "inverted": ({"space": {"lr": {"float": [0.1, 0.01]}}}, ["inverted", "did you mean {float: [0.01, 0.1]}"]),
    "text in a range": ({"space": {"lr": {"float": ["1e-4", 0.1]}}}, ["'1e-4' is a text", "1e-3"]),
    "text among numbers": ({"space": {"lr": {"choice": ["1e-4", 0.1]}}}, ["space.lr", "'1e-4'", "is a text"]),
    "text for a number": ({"budget": {"trials": "1e3"}}, ["budget.trials", "'1e3', a text"]),
    "comma": ({"space": {"lr": {"float": ["0,1", 0.3]}}}, ["'0,1'", "a comma"]),
    "half an integer": ({"space": {"layers": {"int": [1, 1.5]}}}, ["whole numbers"]),
    "no number": ({"space": {"lr": {"choice": [0.1, float("nan")]}}}, ["finite"]),
    "switch": ({"space": {"lr": {"float": [0.1, 1.0], "log": "yes"}}}, ["log is 'yes'", "log: true"]),
    "typo": ({"epoch": 3}, ["unknown key 'epoch'", "did you mean 'epochs'"]),
    "typo inside": ({"data": {"split": {"tran": 0.7}}}, ["data.split.tran", "did you mean 'train'"]),
    "point": ({"space": {"lr": {"float": [0.1, 1.0]}}, "points": [{"lr": 2.0}]}, ["a point lies outside"]),
    "space's name": ({"space": "adsorbtion"}, ["no space is called", "did you mean 'adsorption'"]),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_python_and_the_file_refuse_alike(name, tmp_path):
    spec, words = REFUSED[name]
    with pytest.raises(StudyError) as in_python:
        Study(**spec)
    (tmp_path / "s.yaml").write_text(yaml12.dump(spec), encoding="utf-8")
    with pytest.raises(StudyError) as in_file:
        load(tmp_path / "s.yaml")
    for word in words:
        assert word in str(in_python.value)
    assert str(in_file.value).replace(f"'{tmp_path / 's.yaml'}'", "the study") == str(in_python.value)


def test_numbers_are_read_as_people_write_them(tmp_path):
    (tmp_path / "s.yaml").write_text(
        "name: on\ntrainable: mine:T\nepochs: 1e2\nbudget: {trials: 1_000}\ncheckpoints: {insure: off}\n"
        "space: {lr: {choice: [1e-4, 1E-3, .5e-2]}, decay: 1e-5, x: {float: [1e-4, +1e3], log: true}, n: {int: [1, 1e3]}}\n",
        encoding="utf-8",
    )
    study = load(tmp_path / "s.yaml", ["space.decay=1E-6"])
    assert study.search_space.spec() == {
        "lr": {"choice": [1e-4, 1e-3, 0.005]}, "x": {"float": [1e-4, 1000.0], "log": True}, "n": {"int": [1, 1000]},
        "decay": 1e-6,
    }  # fmt: skip
    assert (study.name, study.epochs, study.budget.trials, study.checkpoints.insure) == ("on", 100, 1000, "off")
    (tmp_path / "again.yaml").write_text(dump(study), encoding="utf-8")
    assert load(tmp_path / "again.yaml") == study


@pytest.mark.skipif(not CASE.is_dir(), reason="../shared is not there")
def test_the_case_of_exponents_without_a_point(tmp_path):
    shutil.copy(CASE / "study.yaml", tmp_path)
    space = load(tmp_path / "study.yaml").search_space
    assert space.spec() == {"lr": {"choice": [1e-4, 1e-3, 1e-2]}, "x": {"float": [0.0, 1.0]}, "decay": 1e-5}


def test_forms_of_a_value_that_it_need_not_have_are_not_counted_among_its_faults():
    command = {"command": ["train", "{lr}"], "metrics": {"pattern": "no group"}}
    with pytest.raises(StudyError) as raised:
        parse({"trainable": command, "space": {"lr": {"float": [0.1, 1.0]}}, "metric": "loss"})
    assert raised.value.what.endswith("trainable.metrics is not valid")
    with pytest.raises(StudyError, match=r"\(and 1 more\)"):
        parse({"trainable": {**command, "startup": "soon"}, "space": {"lr": {"float": [0.1, 1.0]}}, "metric": "loss"})
