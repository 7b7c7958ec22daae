"""`perch train` as a command: deterministic on the CPU, resumable by seed, with a model that can be used."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.patience import LIMIT_S

SMALL = {"atom_embedding_size": 8, "num_graph_conv_layers": 1, "fc_feat_size": 16, "batch_size": 64}


def perch(*args: object) -> subprocess.CompletedProcess[str]:
    """``perch ARGS`` as a process of its own."""
    command = [sys.executable, "-m", "perch.cli.main", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration and a schedule as files."""
    folder = tmp_path_factory.mktemp("train")
    (folder / "config.json").write_text(json.dumps({"config": SMALL}))
    (folder / "schedule.json").write_text(json.dumps({"lr": [0.01, 0.0001]}))
    return folder


def train(folder: Path, name: str, *more: object) -> tuple[dict[str, object], str]:
    """Two epochs; the summary and what was printed."""
    done = perch("train", "--config", folder / "config.json", "--epochs", 2, "--out", folder, "--run-id", name, *more)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((folder / name / "train.json").read_text()), done.stdout


def test_equal_seeds_give_equal_results_and_missing_seeds_are_added(folder: Path) -> None:
    one, _ = train(folder, "one")
    again, _ = train(folder, "again", "--repeats", 2)
    more, printed = train(folder, "one", "--repeats", 2)
    assert again["results"] == more["results"] and more["results"][0] == one["results"][0]
    assert "seed 0: trained already" in printed and "validation MAE" in printed
    assert more["validation_mae_ev_deviation"] > 0
    best = json.loads((folder / "one" / "best" / "config.json").read_text())
    assert best["config"]["atom_embedding_size"] == 8
    assert (folder / "one" / "best" / "weights.pt").is_file() and (folder / "one" / "best" / "ensemble" / "2").is_dir()


def test_a_schedule_sets_the_rate_epoch_by_epoch(folder: Path) -> None:
    train(folder, "scheduled", "--lr-schedule", folder / "schedule.json")
    rows = json.loads((folder / "scheduled" / "seeds" / "0.json").read_text())["rows"]
    assert [row["lr"] for row in rows] == [0.01, 0.0001]
    refused = perch(
        "train", "--config", folder / "config.json", "--epochs", 2, "--out", folder, "--run-id", "scheduled"
    )
    assert refused.returncode == 2 and "holds another training" in refused.stderr
