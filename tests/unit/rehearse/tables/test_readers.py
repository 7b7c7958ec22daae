"""Records as they are read: runs weighted back, public tables with their gaps, logs on one grid."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from perch.dimension import Float, Int
from perch.errors import RecordError
from perch.rehearse.tables.reader import read
from perch.rehearse.tables.table import COMPLETED, DIVERGED

ROOT = Path(__file__).parents[4]
RECORDED = ROOT / "studies" / "recorded"
TABLES = ROOT.parent / "shared" / "tables"
needs_tables = pytest.mark.skipif(not TABLES.is_dir(), reason=f"the public tables are not in {TABLES}")


def test_a_comparison_is_read_by_its_random_search() -> None:
    table = read([str(RECORDED / "study-both")])
    assert (len(table.full), table.epochs, table.recorded.workers, table.recorded.time_s) == (278, 27, 2, 180.0)
    assert table.weights.sum() == pytest.approx(296)
    assert 0.4 < table.epoch_s < 0.5
    assert 3 < table.recorded.delays.start_s < 5
    assert 0 < table.recorded.report_s < 0.02
    assert table.tests is not None


def test_stopped_trials_are_weighted_back() -> None:
    """Runs of asha alone: few curves are full, and they stand for all."""
    table = read([str(RECORDED / "study-2") + ":asha"])
    assert len(table.full) < 0.05 * len(table.fates)
    assert table.weights.sum() == pytest.approx(len(table.fates))
    assert table.effective_size < len(table.full)


def test_several_runs_are_one_record_and_a_searchers_choice_is_named() -> None:
    runs = [str(RECORDED / "study-both" / "runs" / f"rs-{k}") for k in (0, 1)]
    assert 50 < len(read(runs).full) < 70
    chosen = read([str(RECORDED / "study-2" / "runs" / "asha-bo-0")])
    assert any("chosen by a searcher" in note for note in chosen.notes)


def test_arrays_keep_diverged_curves_and_read_off_the_space(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    valid = rng.normal(size=(30, 6)).astype(np.float32)
    valid[3, 4] = np.nan  # and then a number again: it stays diverged
    hp = np.stack([10 ** rng.uniform(-5, 0, 30), rng.integers(1, 9, 30).astype(float)], axis=1)
    file = tmp_path / "set.npz"
    np.savez(file, t__valid=valid, t__hp=hp.astype(np.float32), hp_names=np.array(["lr", "layers"]))
    table = read([str(file)])
    assert (table.epochs, table.seconds, table.metric) == (5, None, "loss")
    assert table.fates[3] == DIVERGED and table.last[3] == 3 and np.isnan(table.values[3, 3:]).all()
    assert table.fates.count(COMPLETED) == 29
    assert isinstance(table.space.dimensions["lr"], Float) and table.space.dimensions["lr"].log
    assert isinstance(table.space.dimensions["layers"], Int)
    assert all(not list(table.space.problems(c)) for c in table.configs)


def test_accuracy_in_percent_is_maximised_and_seconds_are_differences(tmp_path: Path) -> None:
    file = tmp_path / "set.npz"
    accuracy = np.tile(np.array([50.0, 60.0, 70.0]), (25, 1))
    np.savez(
        file, config_names=np.array(["lr"]), a__config=np.linspace(0.1, 0.2, 25)[:, None], a__val_accuracy=accuracy,
        a__cumulative_seconds=np.tile(np.array([4.0, 4.0, 9.0]), (25, 1)),
    )  # fmt: skip
    table = read([f"{file}:a"])
    assert table.sign == -1.0 and table.values[0].tolist() == [-50.0, -60.0, -70.0]
    assert table.seconds is not None and table.seconds[0].tolist() == [4.0, 1e-3, 5.0]
    with pytest.raises(RecordError, match="holds no task 'b'"):
        read([f"{file}:b"])


def test_logs_are_read_on_one_grid(tmp_path: Path) -> None:
    runs = [
        {"run": k, "submission": "s", "workload": "w", "metric": "test/accuracy", "hparams": {"lr": 0.1 + k}}
        for k in range(4)
    ]
    with gzip.open(tmp_path / "x_configs.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(r) + "\n" for r in runs)
    rows = ["run,step,train_seconds,total_seconds,metric"]
    for run, last in enumerate((300, 300, 300, 100)):
        rows += [
            f"{run},{step},{2.0 * step},{3.0 * step},{step / 1000}" for step in range(1, last + 1, 1 if run else 3)
        ]
        rows.append(f"{run},{last},{2.0 * last},0,{last / 1000}")
    with gzip.open(tmp_path / "x_curves.csv.gz", "wt") as file:
        file.write("\n".join(rows) + "\n")
    table = read([str(tmp_path / "x_curves.csv.gz")])
    assert table.sign == -1.0 and table.epochs == 30
    assert table.fates[:3] == (COMPLETED,) * 3 and table.fates[3] == "stopped" and table.last[3] == 10
    assert -table.values[1, 14] == pytest.approx(0.15)
    assert table.seconds is not None and table.seconds[1] == pytest.approx(20.0)
    assert table.weights.tolist() == pytest.approx([4 / 3, 4 / 3, 4 / 3, 0.0])


@needs_tables
def test_the_public_tables_are_read_as_they_are() -> None:
    taskset = read([f"{TABLES}/taskset_valid.npz:FixedTextRNNClassification_imdb_patch128_LSTM128_bs64"])
    assert (len(taskset.fates), taskset.fates.count(DIVERGED), taskset.epochs) == (1000, 99, 50)
    lcbench = read([f"{TABLES}/lcbench_surrogate.npz:126026"])
    assert (len(lcbench.full), lcbench.epochs, lcbench.metric) == (500, 52, "val_accuracy")
    ogbg = read([f"{TABLES}/algoperf_curves.csv.gz:ogbg"])
    assert len(ogbg.full) > 100 and ogbg.seconds is not None
