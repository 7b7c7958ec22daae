"""What the doctor says of a study."""

from __future__ import annotations

import pytest

from perch.doctor import examine_study


@pytest.mark.parametrize(
    ("schedule", "state", "said"),
    [
        ("constant", "ok", "every searched hyperparameter changes something"),
        ("{lr: [0.1]}", "problem", "lr changes nothing"),
    ],
)
def test_a_searched_hyperparameter_that_changes_nothing_is_a_problem(tmp_path, monkeypatch, schedule, state, said):
    monkeypatch.setenv("PERCH_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "study.yaml"
    path.write_text(
        f"data: {{source: toy}}\nspace: {{lr: {{float: [0.01, 0.1]}}, lr_schedule: {schedule}, batch_size: {{choice: [4, 8]}}}}\n"
    )
    [found] = [finding for finding in examine_study(str(path)) if finding.name == "space"]
    assert found.state == state
    assert said in found.found
