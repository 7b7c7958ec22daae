"""``perch slurm`` and ``perch k8s``: options reach what submits, and a job's code is the command's."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.hand_made import run_folder, study

from perch.clusters.kubernetes import client, control, request, submit
from perch.clusters.slurm import checks, job, script
from perch.clusters.slurm.node import allocation, launcher
from perch.errors import ClusterError

Perch = Callable[..., Any]


def test_slurm_launch_hands_its_options_and_the_command_to_the_node(
    perch: Perch, replaced: Callable[..., Any], tmp_path: Path
) -> None:
    replaced(allocation, "from_environment", "the allocation")
    called = replaced(launcher, "launch", 75)
    said = perch(
        "slurm", "launch", "--job-folder", tmp_path, "--interface", "hsn0", "--min-nodes", 2, "--gpus-per-node", 4,
        "--head-cpus", 0, "--logdir", tmp_path / "tb", "--start-timeout", 60, "--", "perch", "run", "--seed", "3",
    )  # fmt: skip
    assert said.code == 75
    options, allocated, _ = called.values()
    assert allocated == "the allocation" and options.job_folder == tmp_path
    assert options.command == ("perch", "run", "--seed", "3")
    assert (options.interface, options.min_nodes, options.gpus_per_node, options.head_cpus) == ("hsn0", 2, 4, 0)
    assert (options.logdir, options.dashboard, options.start_timeout_s) == (tmp_path / "tb", False, 60.0)


def test_slurm_script_writes_the_script_alone_to_standard_output(
    perch: Perch, replaced: Callable[..., Any], tmp_path: Path
) -> None:
    called = replaced(job, "job_for", "the job")
    rendered = replaced(script, "render", "#!/bin/bash\n")
    said = perch(
        "slurm", "script", "study.yaml", "--nodes", 4, "--cpus-per-node", 64, "--gpus-per-node", 8, "--mem", "480G", "--time",
        "4h", "--run-id", "r", "--out", tmp_path, "--min-nodes", 3, "--code", "here", "--stage-data", "--no-check", "--", "--trials",
        "9",
    )  # fmt: skip
    assert said == (0, "#!/bin/bash\n", "unchecked: everything that the study names\n")
    assert next(iter(rendered.values())) == "the job"
    positional = [value for value in called.values() if isinstance(value, (Path, tuple))][:2]
    assert positional == [Path("study.yaml"), ("--trials", "9")]
    expected = {
        "nodes": 4, "cpus_per_node": 64, "gpus_per_node": 8, "memory": "480G", "time": "4h", "run_id": "r", "out": tmp_path,
        "min_nodes": 3, "code": Path("here"), "stage_data": True,
    }  # fmt: skip
    assert {name: called[name] for name in expected} == expected
    looked = replaced(checks, "check", ["unchecked: the code"])
    said = perch("slurm", "script", "--", "--trials", "9")
    assert said == (0, "#!/bin/bash\n", "unchecked: the code\n"), "notes go where they do not spoil the script"
    assert next(iter(looked.values())) == "the job"
    positional = [value for value in called.values() if isinstance(value, (Path, tuple))][:1]
    assert positional == [("--trials", "9")], "without a study file: the embedded study"


def test_slurm_status_joins_the_queue_with_the_runs(
    perch: Perch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sys, "stdin", io.TextIOWrapper(io.BytesIO(b"17|perch-r|RUNNING|1:00|8:00:00|4|node[1-4]|/x|perch:results/r\n"))
    )
    said = perch("slurm", "status", "-", "--out", tmp_path)
    assert said.code == 0 and "17" in said.out and "RUNNING" in said.out.upper()


def test_slurm_logs_prints_the_drivers_log_of_the_newest_job(perch: Perch, tmp_path: Path) -> None:
    folder = tmp_path / "r.slurm" / "17" / "logs-0" / "0-node1"
    folder.mkdir(parents=True)
    (folder / "driver.log").write_text("r: 3 trials\n")
    assert perch("slurm", "logs", tmp_path / "r") == (0, "r: 3 trials\n", "")
    assert perch("slurm", "logs", tmp_path / "s").code == 2


def test_slurm_stop_leaves_a_stop_file(perch: Perch, tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "r", study(), ())
    said = perch("slurm", "stop", folder.path)
    assert said.code == 0 and "saves and ends" in said.out and folder.stop.exists()
    assert perch("slurm", "stop", tmp_path / "nowhere").code == 2


class Job:
    """A run on a cluster."""

    def __init__(self, word: str = "running", code: int | None = None, lines: str = "") -> None:
        self.word, self.exit_code, self.finished, self.lines = word, code, code is not None, lines
        self.succeeded, self.reason, self.last_lines_said = code == 0, "" if code in (0, None) else "OOMKilled", lines
        self.started, self.ended = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), None
        self.removed = self.stopped_s = None
        self.namespace = ""

    def status(self) -> Any:
        return SimpleNamespace(
            word=self.word, exit_code=self.exit_code, finished=self.finished, succeeded=self.succeeded, reason=self.reason,
            started=self.started, ended=self.ended, last_lines=self.lines,
        )  # fmt: skip

    def last_lines(self) -> str:
        return self.lines

    def logs(self, follow: bool) -> list[str]:
        return ["a line", "followed" if follow else "as it stands"]

    def stop(self, timeout: float) -> Any:
        self.stopped_s = timeout
        if self.word == "lost":
            raise ClusterError("nobody answers")
        return SimpleNamespace(word="interrupted")

    def remove(self) -> None:
        self.removed = True

    def fetch(self, target: Path, place: Any, everything: bool) -> list[str]:
        self.fetched = (target, place, everything)
        return ["summary.json", "report.html"]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Callable[[Job], Job]:
    """A cluster with one run."""
    monkeypatch.delenv("PERCH_IMAGE", raising=False)
    monkeypatch.setattr(client, "connect", lambda: "the client")
    monkeypatch.setattr(client, "current_namespace", lambda: "from-kubeconfig")

    def has(job: Job) -> Job:
        def run(client_: Any, run_id: str, namespace: str) -> Job:
            assert (client_, run_id) == ("the client", "oh")
            job.namespace = namespace
            return job

        monkeypatch.setattr(control, "Run", run)
        return job

    return has


@pytest.mark.parametrize(
    ("job", "code"),
    [(Job(), 0), (Job("done", 0), 0), (Job("failed", 1, "last words"), 1), (Job("interrupted", 75), 75)],
)
def test_k8s_status_has_the_runs_code(perch: Perch, cluster: Callable[[Job], Job], job: Job, code: int) -> None:
    cluster(job)
    said = perch("k8s", "status", "oh")
    assert said.code == code and said.out.startswith(f"oh: {job.word} since 2026-01-02 03:04:05 UTC\n")
    assert ("reason: OOMKilled" in said.out) == (code in (1, 75)) and job.lines in said.out
    assert job.namespace == "from-kubeconfig"
    perch("k8s", "status", "oh", "-n", "mine")
    assert job.namespace == "mine"


def test_k8s_logs_ends_with_the_runs_code_only_where_it_followed(perch: Perch, cluster: Callable[[Job], Job]) -> None:
    cluster(Job("failed", 1))
    assert perch("k8s", "logs", "oh") == (0, "a line\nas it stands\n", "")
    assert perch("k8s", "logs", "oh", "--follow") == (1, "a line\nfollowed\n", "")


def test_k8s_stop_waits_and_removes_only_when_asked(perch: Perch, cluster: Callable[[Job], Job]) -> None:
    job = cluster(Job())
    assert perch("k8s", "stop", "oh") == (0, "oh: interrupted\n", "")
    assert (job.stopped_s, job.removed) == (300.0, None)
    said = perch("k8s", "stop", "oh", "--remove", "--timeout", 5)
    assert said.code == 0 and "removed; its results stay" in said.out and (job.stopped_s, job.removed) == (5.0, True)


def test_k8s_stop_of_a_run_that_does_not_answer_is_an_error_unless_it_is_removed(
    perch: Perch, cluster: Callable[[Job], Job]
) -> None:
    job = cluster(Job("lost"))
    said = perch("k8s", "stop", "oh")
    assert said.code == ClusterError("").exit_code and "nobody answers" in said.err and job.removed is None
    assert perch("k8s", "stop", "oh", "--remove").code == 0 and job.removed


def test_k8s_fetch_copies_here_or_there(perch: Perch, cluster: Callable[[Job], Job], tmp_path: Path) -> None:
    job = cluster(Job())
    assert perch("k8s", "fetch", "oh") == (0, "2 files in oh\n", "")
    assert job.fetched == (Path("oh"), None, False)
    perch("k8s", "fetch", "oh", "--to", tmp_path, "--claim", "results", "--image", "perch:1", "--all")
    target, place, everything = job.fetched
    assert (target, everything) == (tmp_path, True) and "results" in str(place) and "perch:1" in str(place)


@pytest.fixture
def sent(replaced: Callable[..., Any]) -> Any:
    """What is asked for and what is sent; the run computes at once."""
    asked = replaced(request, "from_options", SimpleNamespace(run_id="oh", namespace="mine", notes=(), deadline_s=7200))
    status = SimpleNamespace(word="running", finished=False, exit_code=None, last_lines="")
    return SimpleNamespace(asked=asked, call=replaced(submit, "submit", status), status=status)


def test_k8s_submit_sends_what_was_asked_for(
    perch: Perch, cluster: Callable[[Job], Job], sent: Any, tmp_path: Path
) -> None:
    cluster(Job())
    (tmp_path / "rendered.yaml").write_text("kind: RayJob\n")
    said = perch(
        "k8s", "submit", "study.yaml", "--run-id", "oh", "-n", "mine", "--cluster", "standing", "--image", "perch:1", "--workers",
        3, "--cpus", "4", "--memory", "8Gi", "--gpus", 1, "--claim", "results", "--size", "5Gi", "--storage-class", "fast",
        "--single-node", "--strategy", "rs", "--trials", 9, "--time-budget", "1h", "--seed", 2, "--set", "epochs=3", "--manifest",
        tmp_path / "rendered.yaml", "--start-timeout", 60, "--head-cpus", "1", "--head-memory", "3Gi", "--code", tmp_path, "--site",
        tmp_path / "cluster.yaml", "--deadline", "2d",
    )  # fmt: skip
    assert said.code == 0 and "running: perch k8s logs oh -n mine --follow" in said.out
    expected: dict[str, Any] = {
        "study": Path("study.yaml"), "run_id": "oh", "namespace": "mine", "strategy": "rs", "trials": 9, "time_budget": "1h",
        "seed": 2, "overrides": ["epochs=3"], "image": "perch:1", "workers": 3, "cpus": "4", "memory": "8Gi", "gpus": 1,
        "claim": "results", "size": "5Gi", "storage_class": "fast", "single_node": True, "head_cpus": "1", "head_memory": "3Gi",
        "code": tmp_path, "site": tmp_path / "cluster.yaml", "deadline": "2d",
    }  # fmt: skip
    assert {name: sent.asked[name] for name in expected} == expected
    expected = {"cluster": "standing", "template": "kind: RayJob\n", "start_s": 60.0}
    assert {name: sent.call[name] for name in expected} == expected


def test_k8s_submit_says_what_it_could_not_check_and_when_the_cluster_ends_a_run_without_a_time_budget(
    perch: Perch, cluster: Callable[[Job], Job], sent: Any, replaced: Callable[..., Any]
) -> None:
    cluster(Job())
    replaced(
        request,
        "from_options",
        SimpleNamespace(run_id="oh", namespace="mine", notes=("unchecked: x",), deadline_s=None),
    )
    said = perch("k8s", "submit")
    assert "unchecked: x\ndeadline: a week, since the study names no time budget" in said.out


def test_k8s_submit_takes_the_image_from_the_environment(
    perch: Perch, cluster: Callable[[Job], Job], sent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster(Job())
    monkeypatch.setenv("PERCH_IMAGE", "registry/perch:2")
    assert perch("k8s", "submit").code == 0
    assert (sent.asked["image"], sent.asked["namespace"], sent.asked["study"]) == (
        "registry/perch:2",
        "from-kubeconfig",
        None,
    )


@pytest.mark.parametrize(("word", "code"), [("done", 0), ("failed", 1), ("interrupted", 75)])
def test_k8s_submit_with_wait_ends_as_the_run_ends(
    perch: Perch, cluster: Callable[[Job], Job], sent: Any, word: str, code: int
) -> None:
    job = cluster(Job(word, code, "last words"))
    waited: list[tuple[str, str]] = []

    def wait(run_id: str, namespace: str, timeout: float) -> Any:
        waited.append((run_id, namespace))
        return job.status()

    job.jobs = SimpleNamespace(wait_until_job_finished=wait)  # type: ignore[attr-defined]
    said = perch("k8s", "submit", "--wait")
    assert said.code == code and waited == [("oh", "mine")] and said.out.endswith(f"{word}\n")
    assert ("last words" in said.err) == (code != 0)
