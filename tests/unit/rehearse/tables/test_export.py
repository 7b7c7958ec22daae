"""A table as a blackbox of Syne Tune: shapes, names and numbers as its reader expects them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.unit.rehearse.made import SPACE, table
from typer.testing import CliRunner

from perch.cli.rehearse import app
from perch.errors import RecordError
from perch.rehearse.tables.export import export
from perch.rehearse.tables.table import COMPLETED, DIVERGED

ROOT = Path(__file__).parents[4]


def test_values_keep_their_sign_seconds_are_cumulative_and_a_diverged_curve_ends_in_nan(tmp_path: Path) -> None:
    plain = table(30, sign=-1.0, metric="accuracy")
    values = plain.values.copy()
    values[3, 4:] = np.nan
    seconds = np.where(np.isfinite(values), 2.0, np.nan)
    fates = tuple(DIVERGED if k == 3 else COMPLETED for k in range(30))
    lines = export(table(30, sign=-1.0, metric="accuracy", values=values, seconds=seconds, fates=fates), tmp_path)
    found = np.load(tmp_path / "objectives_evaluations.npy")
    assert found.shape == (1, 30, 1, 9, 2)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0, :, 0, :, 0], -values, rtol=1e-6)
    np.testing.assert_allclose(found[0, 3, 0, :, 1], 2.0 * np.arange(1, 10))
    assert np.load(tmp_path / "fidelities_values.npy").tolist() == list(range(1, 10))
    metadata = json.loads((tmp_path / "metadata.json").read_text())
    assert metadata["objectives_names"] == ["accuracy", "metric_elapsed_time"]
    assert metadata["task_names"] == ["made"]
    assert metadata["mode"] == "max"
    hyperparameters = pd.read_parquet(tmp_path / "hyperparameters.parquet")
    assert hyperparameters.to_dict("records") == [{k: c[k] for k in ("lr", "width")} for c in plain.configs]
    space = json.loads((tmp_path / "configspace.json").read_text())
    assert space["lr"]["domain_kwargs"] == {"lower": 0.001, "upper": 0.1}
    assert space["lr"]["sampler_cls"] == "LogUniform"
    assert space["width"]["domain_kwargs"] == {"categories": [8, 16, 32]}
    assert list(space) == list(SPACE.dimensions)
    assert "30 configurations × 1 repeat × 9 epochs" in lines[0]


def test_repeats_are_seeds_and_surplus_ones_are_left_out(tmp_path: Path) -> None:
    config_of = np.repeat(np.arange(10), 3)[:-1]  # the last configuration has two
    plain = table(29)
    lines = export(table(29, configs=plain.configs[:10], config_of=config_of), tmp_path)
    found = np.load(tmp_path / "objectives_evaluations.npy")
    assert found.shape == (1, 10, 2, 9, 2)
    np.testing.assert_allclose(found[0, 1, :, :, 0], plain.values[3:5], rtol=1e-6)
    assert any("9 further repeats are left out" in line for line in lines)


def test_without_times_or_curves_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no times"):
        export(table(30, seconds=None), tmp_path / "a")
    with pytest.raises(RecordError, match="nothing to export"):
        export(table(30, weights=np.zeros(30)), tmp_path / "b")
    assert not list(tmp_path.iterdir())


def test_the_command_exports_and_rehearses_nothing(tmp_path: Path) -> None:
    record = str(ROOT / "studies/recorded/study-both")
    found = CliRunner().invoke(app, [record, "--export", str(tmp_path / "box"), "--out", str(tmp_path / "out")])
    assert found.exit_code == 0, found.exception
    assert "278 configurations × 1 repeat × 27 epochs of validation_mae_ev" in found.stdout
    assert {p.name for p in tmp_path.iterdir()} == {"box"}
