"""What the batch script promises, shown on a fake Slurm: codes, restarts, chains, signals, bad input, what enters."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
from tests.patience import eventually
from tests.unit.clusters.slurm.fake import FakeSlurm, Running

from perch.clusters.slurm.job import RUN, Job
from perch.clusters.slurm.script import render
from perch.clusters.slurm.site import Site

ENDS_WITH = """
while [[ $1 != --job-folder ]]; do shift; done
job=$2
[[ $SLURM_NODEID == 0 ]] || exit 0
echo "${CODE:-0}" > "$job/exit-${SLURM_RESTART_COUNT:-0}"
exit "${CODE:-0}"
"""
WAITS_FOR_STOP = """
while [[ $1 != --job-folder ]]; do shift; done
job=$2
[[ $SLURM_NODEID == 0 ]] || exit 0
touch "$job/started"
until [[ -e $job/stop ]]; do read -r -t 0.05 < <(:) || true; done
echo 75 > "$job/exit-${SLURM_RESTART_COUNT:-0}"
exit 75
"""


def job(**changes: object) -> str:
    """A script for two nodes."""
    settings: dict[str, object] = {
        "run_id": "demo",
        "command": ("run", *RUN),
        "nodes": 2,
    }
    site = changes.pop("site", Site())
    assert isinstance(site, Site)
    return render(Job(**(settings | changes)), site)  # type: ignore[arg-type]


def finish(
    slurm: FakeSlurm, script: str, *arguments: str, code: int = 0, restart: int = 0, **extra: str
) -> tuple[int, str]:
    """Run it with a launcher that ends at once with ``code``."""
    slurm.command("perch", ENDS_WITH)
    pass_code = {"PERCH_PASS_ENV": "CODE", "CODE": str(code)}
    return slurm.start(script, *arguments, restart=restart, extra=pass_code | extra).wait()


def requeued(slurm: FakeSlurm) -> bool:
    """Whether the job has put itself back into the queue."""
    return f"scontrol requeue {slurm.job_id}" in slurm.calls("scontrol")


def until(path: Path) -> None:
    """Wait for a file of the script."""
    eventually(path.exists, f"{path} did not come")


def interrupted(slurm: FakeSlurm, script: str, number: int, *, restart: int = 0, **extra: str) -> tuple[int, str]:
    """Run it with a launcher that waits for the stop file, and signal the batch shell."""
    slurm.command("perch", WAITS_FOR_STOP)
    running: Running = slurm.start(script, restart=restart, extra=extra)
    until(slurm.folder / "results" / "demo.slurm" / str(slurm.job_id) / "started")
    running.signal(number)
    return running.wait()


@pytest.mark.parametrize("code", [0, 1, 2, 134])
def test_the_drivers_code_is_the_jobs(slurm: FakeSlurm, code: int) -> None:
    assert finish(slurm, job(), code=code)[0] == code
    assert not requeued(slurm)


def test_the_drivers_code_counts_even_when_srun_reports_a_lost_nodes(slurm: FakeSlurm) -> None:
    slurm.command("perch", ENDS_WITH.replace("|| exit 0", "|| exit 1"))
    assert slurm.start(job()).wait()[0] == 0


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM])
def test_walltime_and_preemption_save_and_requeue(slurm: FakeSlurm, number: int) -> None:
    code, output = interrupted(slurm, job(), number)
    assert code == 75
    assert "back into the queue (restart 1 of 20)" in output
    assert requeued(slurm)


def test_it_requeues_at_most_as_often_as_the_site_says(slurm: FakeSlurm) -> None:
    code, output = interrupted(slurm, job(site=Site(max_requeues=3)), signal.SIGUSR1, restart=3)
    assert code == 75
    assert "3 restarts are enough" in output
    assert not requeued(slurm)


@pytest.mark.parametrize("state", ["CANCELLED", "COMPLETING", "PREEMPTED"])
def test_a_job_that_slurm_ends_itself_is_not_requeued(slurm: FakeSlurm, state: str) -> None:
    code, _ = interrupted(slurm, job(), signal.SIGTERM, FAKE_STATE=state)
    assert code == 75
    assert not requeued(slurm)


def test_a_run_stopped_by_its_user_is_not_requeued(slurm: FakeSlurm) -> None:
    code, _ = finish(slurm, job(), code=75)
    assert code == 75
    assert not requeued(slurm)


def test_a_run_that_stopped_because_its_time_ended_is_requeued(slurm: FakeSlurm) -> None:
    soon = str(int(time.time()) + 100)
    finish(slurm, job(), code=75, SLURM_JOB_END_TIME=soon)
    assert requeued(slurm)


def test_where_requeueing_is_forbidden_it_is_left_to_the_chain(slurm: FakeSlurm) -> None:
    code, output = interrupted(slurm, job(site=Site(requeue=False)), signal.SIGUSR1)
    assert code == 75
    assert "the next job of the run goes on" in output
    assert not requeued(slurm)


def test_a_chain_is_submitted_from_the_login_node(slurm: FakeSlurm) -> None:
    code, _ = slurm.start(job(), "--chain", "3", "--trials", "9", extra={"SLURM_JOB_ID": ""}).wait()
    calls = slurm.calls("sbatch")
    assert code == 0
    assert len(calls) == 3
    for link, call in enumerate(calls, start=1):
        assert "--dependency=singleton" in call
        assert "--no-requeue" in call
        assert "--job-name=perch-demo-" in call
        assert f"--comment=perch:{slurm.folder}/results/demo" in call
        assert f"PERCH_CHAIN_LINK={link}" in call
        assert call.endswith("--trials 9")


def test_a_link_after_the_end_exits_at_once_with_the_same_code(slurm: FakeSlurm) -> None:
    assert finish(slurm, job(), PERCH_CHAIN_LINK="1")[0] == 0
    before = len(slurm.calls("srun"))
    code, output = finish(slurm, job(), PERCH_CHAIN_LINK="2")
    assert code == 0
    assert "nothing to do" in output
    assert len(slurm.calls("srun")) == before


def test_a_link_after_an_interruption_goes_on(slurm: FakeSlurm) -> None:
    assert interrupted(slurm, job(), signal.SIGUSR1, PERCH_CHAIN_LINK="1")[0] == 75
    before = len(slurm.calls("srun"))
    assert finish(slurm, job(), PERCH_CHAIN_LINK="2")[0] == 0
    assert len(slurm.calls("srun")) > before


def test_submitting_a_finished_run_again_asks_the_run(slurm: FakeSlurm) -> None:
    finish(slurm, job())
    before = len(slurm.calls("srun"))
    finish(slurm, job())
    assert len(slurm.calls("srun")) > before


def test_when_the_first_node_is_lost_a_survivor_puts_the_job_back(slurm: FakeSlurm) -> None:
    slurm.command("perch", "exit $((SLURM_NODEID == 0 ? 137 : 76))")
    _, output = slurm.start(job(), extra={"FAKE_LEFT": "node2"}).wait()
    assert requeued(slurm)
    assert "the first node is lost" in output


def test_outside_slurm_it_says_how_to_submit(slurm: FakeSlurm) -> None:
    code, output = slurm.start(job(), extra={"SLURM_JOB_ID": ""}).wait()
    assert code == 2
    assert "this is not a Slurm job" in output
    assert "sbatch" in output


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"PERCH_SIF": "/nowhere/perch.sif"}, "'/nowhere/perch.sif' cannot be read"),
        ({"PERCH_RUNTIME": "no-such-runtime"}, "no 'no-such-runtime' here"),
        ({"PERCH_NEEDED": "/nowhere/study.yaml"}, "'/nowhere/study.yaml' cannot be read"),
        ({"PERCH_INTERFACE": "ib7"}, "no network interface 'ib7'"),
        ({"PERCH_OUT": "/proc/nowhere"}, "cannot write to the job's folder"),
    ],
)
def test_bad_input_ends_the_job_before_anything_starts(slurm: FakeSlurm, knobs: dict[str, str], said: str) -> None:
    code, output = finish(slurm, job(), **knobs)
    assert code == 2
    assert said in output
    assert "why:" in output
    assert "fix:" in output
    assert slurm.calls("perch") == []


def test_a_sif_that_cannot_run_here_is_said_with_the_runtimes_own_words(slurm: FakeSlurm) -> None:
    slurm.sif.write_text("of another architecture")
    code, output = finish(slurm, job())
    assert code == 2
    assert "cannot run" in output
    assert "image format not recognized" in output


def test_only_what_is_named_enters_the_container(slurm: FakeSlurm) -> None:
    slurm.command("perch", 'env > "$HOST/inside-$SLURM_NODEID"')
    secrets = {
        "WANDB_API_KEY": "hunter2",
        "MY_OWN": "1",
        "LEAKED": "2",
        "PERCH_PASS_ENV": "MY_OWN HOST",
        "HOST": str(slurm.folder),
        "https_proxy": "http://proxy:3128",
    }
    code = slurm.folder / "my code"
    code.mkdir()
    slurm.start(job(code=str(code)), extra=secrets).wait()
    inside = (slurm.folder / "inside-1").read_text().splitlines()
    assert "SLURM_NODEID=1" in inside
    assert "MY_OWN=1" in inside
    assert "WANDB_API_KEY=hunter2" in inside
    assert f"PYTHONPATH={code}" in inside
    assert "https_proxy=http://proxy:3128" in inside
    assert "no_proxy=,localhost,127.0.0.1,node1,node2," in inside
    assert "PERCH_END_TIME=2000000000" in inside
    assert not any(line.startswith("LEAKED") for line in inside)
    assert not any("hunter2" in call for call in slurm.calls("apptainer"))


def test_arguments_arrive_word_by_word(slurm: FakeSlurm) -> None:
    slurm.command("perch", 'printf "<%s>" "$@"')
    words = ("run", "my study.yaml", "--set", 'name="a $b"')
    _, output = slurm.start(job(command=words, nodes=1), "--trials", "3").wait()
    assert '<--><run><my study.yaml><--set><name="a $b"><--trials><3>' in output


def test_calls_of_many_nodes_at_once_are_recorded_each_on_a_line(slurm: FakeSlurm) -> None:
    many = 'for i in $(seq 60); do (sbatch "number $i" > /dev/null) & done; wait'
    assert slurm.start(many).wait()[0] == 0
    assert sorted(slurm.calls("sbatch")) == sorted(f"sbatch number {i}" for i in range(1, 61))


def test_a_stop_file_of_an_earlier_start_does_not_stop_the_next(slurm: FakeSlurm) -> None:
    folder = slurm.folder / "results" / "demo.slurm" / str(slurm.job_id)
    folder.mkdir(parents=True)
    (folder / "stop").touch()
    finish(slurm, job(), restart=1)
    assert not (folder / "stop").exists()


def test_the_jobs_folder_is_closed_to_others(slurm: FakeSlurm) -> None:
    finish(slurm, job())
    assert (slurm.folder / "results" / "demo.slurm" / str(slurm.job_id)).stat().st_mode & 0o077 == 0


def test_a_task_of_an_array_speaks_to_slurm_of_itself_alone(slurm: FakeSlurm) -> None:
    """The number of an array's last task is that of the array: a requeue of it would put all tasks back."""
    task = {"SLURM_ARRAY_JOB_ID": str(slurm.job_id), "SLURM_ARRAY_TASK_ID": "3"}
    code, output = interrupted(slurm, job(), signal.SIGUSR1, **task)
    assert code == 75 and "back into the queue" in output
    calls = [*slurm.calls("scontrol"), *slurm.calls("squeue"), *slurm.calls("scancel")]
    named = [word.removeprefix("JobId=") for call in calls for word in call.split() if str(slurm.job_id) in word]
    own = [word for word in named if "/" not in word]
    assert f"scontrol requeue {slurm.job_id}_3" in calls
    assert set(own) == {f"{slurm.job_id}_3"}
