"""The queue joined with the runs' folders."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from perch.clusters.slurm.comment import BY_SCRIPT, comment
from perch.clusters.slurm.status import driver_log, parse_squeue, progress, report, stop
from perch.errors import ClusterError


def line(work_dir: Path, text: str = "perch:results/demo", job: str = "12", name: str = "perch-demo") -> str:
    """What squeue prints for a job that was submitted in ``work_dir``."""
    return f"{job}|{name}|RUNNING|1:02|8:00:00|2|node[1-2]|{work_dir}|{text}"


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
    run_folder(tmp_path / "results")
    other = line(tmp_path, text="", job="13", name="other")
    assert report(parse_squeue([line(tmp_path), other]), tmp_path / "results") == [
        "demo: job 12 running 1:02 of 8:00:00 on 2 node(s) node[1-2]; 2 trials ended, 2 open, 1 failed, best 0.3"
    ]


def test_jobs_of_one_name_in_two_folders_are_joined_each_with_its_own_run(tmp_path: Path) -> None:
    run_folder(tmp_path / "one" / "results")
    (tmp_path / "one" / "results" / "demo.slurm").mkdir()
    queue = [line(tmp_path / "two"), line(tmp_path / "one", job="13")]
    two, one = report(parse_squeue(queue), tmp_path / "one" / "results")
    assert two.startswith(f"{tmp_path / 'two' / 'results' / 'demo'}: job 12")
    assert two.endswith("nothing reported yet")
    assert one.startswith("demo: job 13")
    assert one.endswith("best 0.3")


@pytest.mark.parametrize("name", ["with space", "Ümläute", "50%20", "a|b", "quote'\""])
def test_a_folder_of_any_name_comes_back_from_the_comment(tmp_path: Path, name: str) -> None:
    run_folder(tmp_path / name)
    text = comment(str(tmp_path / name), "demo")
    assert len(text.split()) == 1
    [found] = parse_squeue([line(tmp_path / name, text)])
    assert found.folder == tmp_path / name / "demo"


def test_a_job_that_waits_is_not_taken_for_the_run_that_its_script_would_name(tmp_path: Path) -> None:
    run_folder(tmp_path / "results")
    waits = line(tmp_path, comment("results", "demo", BY_SCRIPT))
    [found] = report(parse_squeue([waits]), tmp_path / "none")
    assert found.endswith(f"; says when it begins whether its run is '{tmp_path / 'results' / 'demo'}'")
    assert "best" not in found, "PERCH_OUT may have been set from outside"


def test_a_script_of_an_earlier_version_is_shown_and_not_joined_by_its_name(tmp_path: Path) -> None:
    run_folder(tmp_path / "results")
    [found] = report(parse_squeue([line(tmp_path, text="(null)")]), tmp_path / "none")
    assert found.startswith("perch-demo: job 12 running")
    assert "names no run's folder" in found


def test_the_log_is_that_of_the_newest_job(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="has begun"):
        driver_log(tmp_path / "demo")
    for number, job in enumerate(("9", "12")):
        folder = tmp_path / "demo.slurm" / job / "logs-0" / "0-node1"
        folder.mkdir(parents=True)
        (folder / "driver.log").write_text(job)
        os.utime(folder / "driver.log", (number, number))
    assert driver_log(tmp_path / "demo").read_text() == "12"


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


def test_each_task_of_an_array_is_joined_with_its_own_run(tmp_path: Path) -> None:
    text = comment("results", "demo-$SLURM_ARRAY_TASK_ID")
    lines = [line(tmp_path, text, job="12_3"), line(tmp_path, text, job="12_[4-9]")]
    found = [(job.job_id, job.folder) for job in parse_squeue(lines)]
    assert found == [("12_3", tmp_path / "results" / "demo-3"), ("12_[4-9]", None)]
