"""`perch train`: what is read, what is refused, and how results of several seeds are put together."""

import json
from pathlib import Path

import pytest

from perch.errors import PerchError, RecordError, StudyError
from perch.schedule import plain
from perch.study import load

STUDY = load()


def _file(folder: Path, content: object) -> Path:
    path = folder / "given.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_configuration_is_read_from_a_run_s_best_a_schedule_or_a_mapping(tmp_path: Path) -> None:
    for content in ({"lr": 0.01}, {"config": {"lr": 0.01}, "epoch": 3}):
        assert plain.read_config(_file(tmp_path, content)) == {"lr": 0.01}
    assert plain.read_schedule(_file(tmp_path, {"lr_schedule": {"lr": [0.1, 0.01]}})) == {"lr": [0.1, 0.01]}
    assert plain.read_schedule(_file(tmp_path, {"lr": [0.1]})) == {"lr": [0.1]}


def test_what_cannot_be_read_is_refused_with_a_remedy(tmp_path: Path) -> None:
    for broken in (tmp_path / "none.json", _file(tmp_path, "{"), _file(tmp_path, [1])):
        with pytest.raises(StudyError) as refused:
            plain.read_config(broken)
        assert refused.value.why and refused.value.fix
    with pytest.raises(StudyError, match="no schedule"):
        plain.read_schedule(_file(tmp_path, {"lr": 0.1}))


def test_an_order_is_complete_and_as_long_as_its_schedule() -> None:
    order = plain.make_order(STUDY, {"lr": 0.02}, {"lr": [0.02] * 90}, 3, None)
    assert order.config["lr"] == 0.02 and order.config["batch_size"] == 64 and order.seeds == (0, 1, 2)
    assert STUDY.epochs < order.epochs == 90 and plain.make_order(STUDY, {}, None, 1, 5).epochs == 5


@pytest.mark.parametrize(
    ("config", "schedule", "repeats", "epochs"),
    [
        ({"lrr": 0.1}, None, 1, None),
        ({"lr": -1}, None, 1, None),
        ({}, {"width": [1]}, 1, None),
        ({}, None, 0, None),
        ({}, None, 1, 0),
    ],
)
def test_bad_orders_are_refused_before_anything_starts(
    config: dict[str, object], schedule: dict[str, list[object]] | None, repeats: int, epochs: int | None
) -> None:
    with pytest.raises(PerchError) as refused:
        plain.make_order(STUDY, config, schedule, repeats, epochs)
    assert refused.value.exit_code == 2


def test_mean_and_deviation_leave_out_seeds_that_diverged(tmp_path: Path) -> None:
    order = plain.make_order(STUDY, {}, None, 3, 2)
    (tmp_path / "seeds").mkdir()
    for seed, (validation, error) in enumerate([(0.2, None), (0.4, None), (None, "the loss is nan")]):
        content = {
            "seed": seed,
            "epoch": 2,
            "error": error,
            "validation_mae_ev": validation,
            "test_mae_ev": None,
            "rows": [],
        }
        (tmp_path / "seeds" / f"{seed}.json").write_text(json.dumps(content))
    summary = plain.summarise(order, tmp_path)
    assert summary["validation_mae_ev"] == pytest.approx(0.3) and summary["diverged"] == [2]
    assert summary["validation_mae_ev_deviation"] == pytest.approx(0.1414, abs=1e-3) and summary["test_mae_ev"] is None
    assert plain.lines(summary)[-1].startswith("validation MAE 0.3000 +- 0.1414 eV")


def test_a_folder_of_another_training_is_refused(tmp_path: Path) -> None:
    plain._claim(plain.make_order(STUDY, {"lr": 0.01}, None, 1, 2), tmp_path)
    plain._claim(plain.make_order(STUDY, {"lr": 0.01}, None, 5, 2), tmp_path)  # more seeds: the same training
    with pytest.raises(RecordError, match="another training") as refused:
        plain._claim(plain.make_order(STUDY, {"lr": 0.02}, None, 1, 2), tmp_path)
    assert "config" in refused.value.why
