"""The record as files: kinds of columns, empty runs, configurations of every shape, and reading all of it back."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.unit.hand_made import result, run_folder, start, study, trial

from perch.errors import RecordError
from perch.log.folder import RunFolder
from perch.record import load, write

EVENTS = (
    trial("00000", {"x": 0.1, "n": 3, "kind": "mean"}, 1.0, by="random"), start("00000", 1.0),
    result("00000", 1, 0.5, 2.0), result("00000", 2, 0.4, 3.0, rung=2),
    trial("00001", {"x": 0.2, "n": 4}, 2.0), result("00001", 1, 0.6, 3.0, "stop", rung=1),
    {"e": "close", "why": "interrupted", "reason": "SIGTERM", "used_s": 4.0},
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return run_folder(tmp_path / "r", study(), EVENTS)


def test_what_is_written_is_what_is_read(folder: RunFolder) -> None:
    returned = write(folder)
    run = load(folder.path)
    assert run.summary == json.loads(folder.summary.read_text()) == returned
    assert (run.id, run.study.seed, run.summary["status"]) == ("r", 7, "interrupted")
    assert run.best == run.summary["best"] and run.best is not None and run.best["trial_id"] == "00000"
    columns = ["trial_id", "segment", "epoch", "time_s", "value", "attempt"]
    assert run.curves[columns].to_dict("split")["data"] == [
        ["00000", 0, 1, 2.0, 0.5, 1], ["00000", 0, 2, 3.0, 0.4, 1], ["00001", 0, 1, 3.0, 0.6, 1],
    ]  # fmt: skip
    assert run.curves["config"].tolist()[0] == {"x": 0.1, "n": 3, "kind": "mean"}
    assert run.trials[["trial_id", "status", "epochs"]].to_dict("split")["data"] == [
        ["00000", "interrupted", 2], ["00001", "stopped", 1],
    ]  # fmt: skip
    assert set(run.overheads["activity"]) >= {
        "training",
        "evaluating",
        "starting",
        "checkpointing",
        "suggesting",
        "idle",
    }


def test_kinds_of_columns_do_not_depend_on_what_a_run_holds(folder: RunFolder, tmp_path: Path) -> None:
    """A column that is null in one run and full in another can be read together."""
    write(folder)
    empty = run_folder(tmp_path / "empty", study(), (trial("00000", {"x": 0.5}, 1.0),))
    write(empty)
    for name in ("curves", "trials", "overheads"):
        full, none = (pq.read_schema(f.path / f"{name}.parquet") for f in (folder, empty))
        for field in none:
            if field.name != "config":
                assert full.field(field.name).type == field.type, (name, field.name)
    kinds = pq.read_schema(folder.trials)
    assert (kinds.field("epochs").type, kinds.field("collapsed").type) == (pa.int64(), pa.bool_())
    assert (kinds.field("failure").type, kinds.field("best_value").type) == (pa.string(), pa.float64())
    assert pa.types.is_struct(kinds.field("config").type)


def test_a_run_without_results_has_empty_curves_with_the_contracts_columns(tmp_path: Path) -> None:
    empty = run_folder(tmp_path / "empty", study(), (trial("00000", {"x": 0.5}, 1.0),))
    write(empty)
    run = load(empty.path)
    assert len(run.curves) == 0 and run.best is None
    assert {
        "trial_id", "segment", "epoch", "time_s", "epoch_s", "train_mae_ev", "validation_mae_ev", "test_mae_ev", "lr",
        "device", "peak_memory_bytes", "attempt", "config", "parent_trial_id", "parent_segment", "parent_epoch",
    } <= set(run.curves.columns)  # fmt: skip


@pytest.mark.parametrize(
    ("values", "kind", "read"),
    [
        ((1, 2), pa.int64(), [1, 2]),
        ((1, 2.5), pa.float64(), [1.0, 2.5]),
        (("a", "b"), pa.string(), ["a", "b"]),
        (("constant", {"lr": [0.1]}), pa.string(), ['"constant"', '{"lr": [0.1]}']),
        (([1], [2, 3]), pa.string(), ["[1]", "[2, 3]"]),
        ((True, 2), pa.string(), ["true", "2"]),
    ],
)
def test_a_hyperparameter_whose_values_are_of_mixed_kinds_is_text(
    tmp_path: Path, values: tuple[object, object], kind: pa.DataType, read: list[object]
) -> None:
    events = [trial(f"0000{n}", {"x": 0.1, "h": value}, 1.0) for n, value in enumerate(values)]
    folder = run_folder(tmp_path / "r", study(), events)
    write(folder)
    assert pq.read_schema(folder.trials).field("config").type.field("h").type == kind
    assert [config["h"] for config in load(folder.path).trials["config"]] == read


def test_a_space_without_hyperparameters_can_be_written(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "r", study(), (trial("00000", {}, 1.0), result("00000", 1, 0.5, 2.0)))
    write(folder)
    assert load(folder.path).trials["config"].isna().all()


def test_a_run_that_was_killed_gets_its_tables_from_its_log_when_it_is_read(folder: RunFolder) -> None:
    assert not folder.summary.exists()
    assert len(load(folder.path).curves) == 3
    folder.curves.unlink()
    assert len(load(folder.path).curves) == 3


def test_nothing_half_written_is_left_in_the_folder(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder)
    before = {p.name: p.read_bytes() for p in folder.path.iterdir() if p.is_file()}

    class Full(pq.ParquetWriter):  # type: ignore[misc]
        def write_table(self, table: pa.Table, **_: object) -> None:
            raise OSError("no space left on device")

    monkeypatch.setattr(pq, "ParquetWriter", Full)
    with pytest.raises(OSError, match="no space left"):
        write(folder)
    assert {p.name: p.read_bytes() for p in folder.path.iterdir() if p.is_file()} == before


@pytest.mark.parametrize("damage", ["no folder", "no study", "no log", "summary", "table"])
def test_what_cannot_be_read_is_one_clear_error(folder: RunFolder, damage: str) -> None:
    write(folder)
    path = folder.path
    if damage == "no folder":
        path, said = path / "nowhere", "is not a run"
    elif damage == "no study":
        folder.study.unlink()
        said = "is not a run"
    elif damage == "no log":
        folder.summary.unlink()
        for file in folder.events.iterdir():
            file.unlink()
        folder.events.rmdir()
        said = "is empty"
    elif damage == "summary":
        folder.summary.write_text('{"run_id": ')
        said = "cannot read"
    else:
        folder.trials.write_bytes(b"PAR1 no longer")
        said = "cannot read"
    with pytest.raises(RecordError, match=said) as refused:
        _ = load(path).trials
    assert refused.value.why and refused.value.fix
