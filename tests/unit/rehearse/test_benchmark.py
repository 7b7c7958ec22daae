"""The open benchmark of learning curves in `studies/benchmark` is what its datasheet says."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from perch.record import load
from perch.rehearse.tables.export import export
from perch.rehearse.tables.reader import read

FOLDER = Path(__file__).parents[3] / "studies" / "benchmark"


@pytest.fixture(scope="module")
def table():
    return read([str(FOLDER)])


@pytest.fixture(scope="module")
def claimed():
    """Configurations, trainings of each and epochs, as the datasheet's first line has them."""
    found = re.search(
        r"\*\*(\d+) configurations × (\d+) trainings × (\d+) epochs\*\*", (FOLDER / "README.md").read_text()
    )
    return tuple(int(number) for number in found.groups())


def test_every_configuration_is_trained_as_often_and_as_long_as_is_said(table, claimed):
    configs, trainings, epochs = claimed
    assert (len(table.configs), table.epochs) == (configs, epochs)
    assert np.bincount(table.config_of).tolist() == [trainings] * configs
    assert set(table.fates) <= {"completed", "diverged"}
    for row in np.flatnonzero(np.array(table.fates) == "completed"):
        assert np.isfinite(table.values[row]).all()


def test_every_epoch_has_its_seconds_and_its_test_error(table):
    known = np.isfinite(table.values)
    assert (table.seconds[known] > 0).all() and np.isfinite(table.tests[known]).all()


def test_two_trainings_of_a_configuration_differ(table):
    for config in range(len(table.configs)):
        first, second = table.values[table.config_of == config]
        assert not np.array_equal(first, second, equal_nan=True)


def test_its_parts_are_of_one_study_and_each_has_a_seed_of_its_own():
    study = load(next((FOLDER / "runs").iterdir())).study
    runs = [load(part) for part in sorted((FOLDER / "runs").iterdir())]
    assert all(run.study.space == study.space and run.study.data == study.data for run in runs)
    assert len({run.summary["seed"] for run in runs}) == len(runs)


def test_it_is_smaller_than_five_megabytes_and_names_no_folder_of_a_machine():
    files = [file for file in FOLDER.rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    assert sum(file.stat().st_size for file in files) < 5e6
    for file in files:
        if file.suffix in (".yaml", ".json"):
            assert not re.search(r"/(tmp|home|root|work)/", file.read_text()), file


def test_it_is_exported_with_both_trainings(table, claimed, tmp_path):
    configs, trainings, epochs = claimed
    export(table, tmp_path)
    objectives = np.load(tmp_path / "objectives_evaluations.npy", allow_pickle=False)
    assert objectives.shape == (1, configs, trainings, epochs, 2)
    assert json.loads((tmp_path / "metadata.json").read_text())["objectives_names"] == [
        table.metric,
        "metric_elapsed_time",
    ]
