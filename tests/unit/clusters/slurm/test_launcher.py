"""Head and worker together, with a program in Ray's place that only says that it is up: order, codes, failures, leftovers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.patience import LIMIT_S, eventually
from tests.unit.clusters.slurm.fake import FakeSlurm
from tests.unit.clusters.slurm.test_parts import allocation

from perch.clusters.slurm.node.base import driver_command, keep_logs
from perch.clusters.slurm.node.launcher import check_job_folder
from perch.errors import ClusterError

FAKE_RAY = """
import os, signal, sys, time
folder = next(w.split("=", 1)[1] for w in sys.argv if w.startswith("--temp-dir="))
logs = os.path.join(folder, "session_latest", "logs")
os.makedirs(logs)
open(os.path.join(logs, "raylet.out"), "w").write("hello")
role = "head" if "--head" in sys.argv else "worker"
note = open(os.environ["NOTES"], "a", buffering=1)
if os.environ.get("BREAK") == role:
    print("the reason why", flush=True)
    sys.exit(3)
note.write(role + " up\\n")
print("Ray runtime started.", flush=True)
def end(*_):
    note.write(role + " down\\n")
    os._exit(1)
signal.signal(signal.SIGTERM, end)
while True:
    signal.pause()
"""
NODE = """
import os, sys
from pathlib import Path
from perch.clusters.slurm.node.allocation import from_environment
from perch.clusters.slurm.node.launcher import Options, launch
from perch.errors import PerchError
job, tmp, ray, timeout, *command = sys.argv[1:]
options = Options(Path(job), tuple(command), interface="lo", node_tmp=Path(tmp),
                  start_timeout_s=float(timeout), ray=(sys.executable, ray))
try:
    sys.exit(launch(options, from_environment(os.environ), os.environ))
except PerchError as error:
    print(error, flush=True)
    sys.exit(error.exit_code)
"""


class TwoNodes:
    """Starts the two launchers of a job as processes of this machine."""

    def __init__(self, folder: Path, tmp: Path, slurm: FakeSlurm) -> None:
        self.job, self.tmp, self.notes = folder / "job", tmp, folder / "notes"
        self.job.mkdir(mode=0o700)
        self.notes.touch()
        (self.job / "canary").write_text(f"{slurm.job_id}\n")
        self.ray = folder / "ray.py"
        self.ray.write_text(FAKE_RAY)
        self.slurm = slurm

    def start(self, node: int, *command: str, timeout_s: float = LIMIT_S, **extra: str) -> subprocess.Popen[str]:
        """One launcher."""
        environment = self.slurm.environment(node=node) | {"NOTES": str(self.notes)} | extra
        line = [sys.executable, "-c", NODE, str(self.job), str(self.tmp), str(self.ray), str(timeout_s), *command]
        return subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def both(self, *command: str, **extra: str) -> list[subprocess.Popen[str]]:
        """Head and worker."""
        return [self.start(node, *command, **extra) for node in (0, 1)]


@pytest.fixture
def nodes(tmp_path: Path, slurm: FakeSlurm) -> Iterator[TwoNodes]:
    """Two nodes of one job, with a disk whose path is short enough for sockets: else they would take /tmp itself."""
    with tempfile.TemporaryDirectory(prefix="n-", dir="/tmp") as short:
        yield TwoNodes(tmp_path, Path(short), slurm)


def ends(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and output."""
    output, _ = process.communicate(timeout=LIMIT_S)
    return process.returncode, output


def test_the_drivers_code_comes_back_and_workers_end_before_the_head(nodes: TwoNodes) -> None:
    head, worker = nodes.both("python", "-c", "import sys; print('driven'); sys.exit(7)")
    (code, output), (workers_code, workers_output) = ends(head), ends(worker)
    assert (code, workers_code) == (7, 0), f"{output}\n{workers_output}"
    assert "driven" in output
    assert nodes.notes.read_text().split("\n")[:4] == ["head up", "worker up", "worker down", "head down"]
    assert (nodes.job / "exit-0").read_text() == "7\n"
    assert (nodes.job / "logs-0" / "0-node1" / "driver.log").read_text() == "driven\n"
    assert (nodes.job / "logs-0" / "1-node2" / "ray" / "raylet.out").read_text() == "hello"
    assert not list(nodes.tmp.glob("perch-*"))


def test_the_driver_finds_its_ray_and_the_end_of_its_time(nodes: TwoNodes) -> None:
    show = (
        "import os; print([os.environ[n] for n in ('RAY_ADDRESS', 'PERCH_END_TIME', 'RAY_AUTH_MODE', 'PERCH_CLUSTER')])"
    )
    head, worker = nodes.both("python", "-c", show)
    code, output = ends(head)
    assert code == 0, output
    assert "'2000000000', 'token', '2x2:0']" in output, "two nodes of two cores, for the strategy to plan with"
    assert "['127.0.0.1:" in output
    assert ends(worker)[0] == 0
    assert (nodes.job / "token").read_text() not in output


def test_the_stop_file_reaches_the_driver_as_usr1(nodes: TwoNodes) -> None:
    wait = "import signal, sys; signal.signal(signal.SIGUSR1, lambda *_: sys.exit(75)); print('ready', flush=True); signal.pause()"
    head, worker = nodes.both("python", "-c", wait)
    log = nodes.job / "logs-0" / "0-node1" / "driver.log"
    eventually(lambda: log.exists() and "ready" in log.read_text(), "the driver did not start")
    (nodes.job / "stop").touch()
    assert ends(head)[0] == 75
    assert ends(worker)[0] == 0


def test_a_signal_before_the_start_is_an_interruption(nodes: TwoNodes) -> None:
    head = nodes.start(0, "python", "-c", "print('never')")
    eventually(lambda: "head up" in nodes.notes.read_text(), "the head did not start")
    head.send_signal(signal.SIGTERM)
    code, output = ends(head)
    assert code == 75
    assert "never" not in output.replace("starting", "")


def test_a_head_whose_ray_dies_fails_fast_with_its_last_lines(nodes: TwoNodes) -> None:
    head, worker = nodes.both("python", "-c", "print('never')", BREAK="head")
    code, output = ends(head)
    assert code == 1
    assert "trying once more" in output
    assert "the reason why" in output
    code, said = ends(worker)  # told by the head, or too late to find one
    assert code == 0 or "cannot reach the head" in said


def test_a_worker_whose_ray_dies_is_told_to_the_head(nodes: TwoNodes) -> None:
    head, worker = nodes.both("python", "-c", "print('never')", BREAK="worker")
    code, output = ends(head)
    assert code == 1
    assert "1 of 2 nodes joined, 2 are needed" in output
    assert "the reason why" in output
    assert ends(worker)[0] == 1


def test_nodes_that_do_not_come_are_waited_for_and_no_longer(nodes: TwoNodes) -> None:
    code, output = ends(nodes.start(0, "python", "-c", "print('never')", timeout_s=3))
    assert code == 1
    assert "1 of 2 nodes joined" in output


def test_a_folder_of_another_job_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="does not see the job's folder") as caught:
        check_job_folder(tmp_path, allocation(), patience_s=0)
    assert caught.value.exit_code == 2
    (tmp_path / "canary").write_text("6\n")
    with pytest.raises(ClusterError) as caught:
        check_job_folder(tmp_path, allocation(), patience_s=0)
    assert "belongs to job" in caught.value.why


def test_a_folder_without_room_is_refused(tmp_path: Path) -> None:
    (tmp_path / "canary").write_text("5\n")
    check_job_folder(tmp_path, allocation(), patience_s=0)
    assert [path.name for path in tmp_path.iterdir()] == ["canary"]
    (tmp_path / ".room-1").symlink_to("/dev/full")
    with pytest.raises(ClusterError, match="cannot write to the job's folder") as caught:
        check_job_folder(tmp_path, allocation(), patience_s=0)
    assert "No space left" in caught.value.why


def test_logs_that_grew_without_bounds_are_named_not_copied(tmp_path: Path) -> None:
    logs = tmp_path / "session_latest" / "logs"
    (logs / "old").mkdir(parents=True)
    (logs / "old" / "gcs.out").write_text("x")
    with (logs / "huge.log").open("wb") as stream:
        os.truncate(stream.fileno(), 10**9)
    keep_logs(tmp_path, tmp_path / "kept")
    assert (tmp_path / "kept" / "old" / "gcs.out").read_text() == "x"
    assert (tmp_path / "kept" / "huge.left-out").read_text() == "1000000000 bytes\n"
    assert not (tmp_path / "kept" / "huge.log").exists()


def test_the_command_is_a_list_for_perch_or_for_python() -> None:
    assert driver_command(["run", "my study.yaml"])[1:] == ["-m", "perch.cli.main", "run", "my study.yaml"]
    assert driver_command(["python", "x.py"])[1:] == ["x.py"]
