"""The queue joined with the runs' folders."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from perch.clusters.slurm.status import parse_squeue, progress, report, stop
from perch.errors import ClusterError

LINE = "12|perch-demo|RUNNING|1:02|8:00:00|2|node[1-2]"


def run_folder(out: Path, mode: str = "min") -> Path:
    """A run with five trials."""
    folder = out / "demo"
    folder.mkdir(parents=True)
    rows = {
        "status": ["completed", "stopped", "running", "failed", "paused"],
        "best_value": [0.3, 0.7, 0.5, None, None],
    }
    pq.write_table(pa.table(rows), folder / "trials.parquet")
    (folder / "study.yaml").write_text(f"mode: {mode}\n")
    return folder


def test_the_queue_and_the_run_in_one_line(tmp_path: Path) -> None:
    run_folder(tmp_path)
    assert report(parse_squeue([LINE, "13|other|RUNNING|0:01|1:00|1|node1"]), tmp_path) == [
        "demo: job 12 running 1:02 of 8:00:00 on 2 node(s) node[1-2]; 2 trials ended, 2 open, 1 failed, best 0.3"
    ]


def test_a_metric_that_is_maximised_has_another_best(tmp_path: Path) -> None:
    state = progress(run_folder(tmp_path, mode="max"))
    assert state is not None
    assert state.best == 0.7


def test_runs_out_of_the_queue_are_listed_too(tmp_path: Path) -> None:
    (tmp_path / "old.slurm").mkdir()
    assert report([], tmp_path) == ["old: not in the queue; nothing reported yet"]
    assert report([], tmp_path / "none") == [f"no job of Perch in the queue, and no run in {tmp_path / 'none'}"]


def test_lines_of_another_format_are_refused() -> None:
    with pytest.raises(ClusterError, match="no line of squeue") as caught:
        parse_squeue(["  12 gpu perch-demo user R 1:02 2 node[1-2]"])
    assert "squeue -h --me -o" in caught.value.fix


def test_stop_leaves_the_file_that_the_run_watches(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    assert stop(folder) == folder / "stop"
    assert (folder / "stop").read_text() == ""
    with pytest.raises(ClusterError, match="no run at"):
        stop(tmp_path / "nowhere")


def test_each_task_of_an_array_is_joined_with_its_own_run(tmp_path):
    lines = ["12_3|perch-demo|RUNNING|1:02|8:00:00|1|node1", "12_[4-9]|perch-demo|PENDING|0:00|8:00:00|1|(Priority)"]
    assert [(job.job_id, job.run_id) for job in parse_squeue(lines)] == [("12_3", "demo-3"), ("12_[4-9]", "demo")]
