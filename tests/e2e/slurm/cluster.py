"""A real Slurm as the tests see it: commands on its login node, and a folder that all its nodes and this machine share.

By default the laboratory beside the repository (``../shared/lab``: three containers). Any other Slurm:
``PERCH_SLURM_LOGIN='ssh login'`` (or empty, on the login node itself) and ``PERCH_SLURM_SHARED=/shared/folder``, with the SIF in
``PERCH_SLURM_SIF``. What only the laboratory can do (killing a node) is asked with ``is_lab``.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from perch.clusters.slurm.job import Job
from perch.clusters.slurm.script import render
from perch.clusters.slurm.site import Site

REPOSITORY: Final = Path(__file__).parents[3]
LAB: Final = REPOSITORY.parent / "shared" / "lab" / "slurm"
ENDED: Final = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "OUT_OF_MEMORY", "BOOT_FAIL"}


def missing() -> str | None:
    """Why there is no cluster to test on; None when there is one."""
    if "PERCH_SLURM_SHARED" in os.environ:
        return None
    if not (LAB / "run").exists():
        return (
            "no Slurm: neither PERCH_SLURM_SHARED is set nor is ../shared/lab there; 'make e2e-slurm' brings the lab up"
        )
    if shutil.which("podman") is None:
        return "no podman for the Slurm lab; 'make e2e-slurm' brings it up"
    if subprocess.run(["podman", "container", "exists", "slurm-head"], check=False).returncode:
        return "the Slurm lab is down; 'make e2e-slurm' brings it up"
    return None


@dataclass
class Cluster:
    """Where it is. ``here`` and ``there`` are the shared folder as this machine and as the nodes name it."""

    login: list[str]
    here: Path
    there: Path
    sif: Path
    is_lab: bool
    source: Path | None = None
    jobs: list[str] = field(default_factory=list)

    def run(self, *command: str, timeout_s: float = 60, check: bool = True) -> str:
        """Run a command on the login node; its standard output."""
        line = [*self.login, *(command if self.is_lab else [shlex.join(command)] if self.login else command)]
        done = subprocess.run(line, capture_output=True, text=True, timeout=timeout_s, check=False)
        if check and done.returncode:
            raise AssertionError(f"{shlex.join(line)} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def script(self, name: str, job: Job, site: Site) -> Path:
        """Write a batch script into the shared folder; its path on the nodes."""
        (self.here / f"{name}.sbatch").write_text(render(job, site))
        return self.there / f"{name}.sbatch"

    def submit(self, script: Path, *options: str, knobs: Mapping[str, str] | None = None) -> str:
        """Submit; the job's number."""
        output = self.run("env", "-C", str(self.there), *self.settings(knobs), "sbatch", *options, str(script))
        job_id = output.split()[-1]
        assert job_id.isdigit(), output
        self.jobs.append(job_id)
        return job_id

    def chain(self, script: Path, links: int, knobs: Mapping[str, str] | None = None) -> str:
        """Submit jobs that wait for each other; what was printed."""
        line = ("env", "-C", str(self.there), *self.settings(knobs), "bash", str(script), "--chain", str(links))
        output = self.run(*line)
        self.jobs += [row.split()[-1] for row in output.splitlines() if row.startswith("Submitted")]
        return output

    def settings(self, knobs: Mapping[str, str] | None = None) -> list[str]:
        """The script's knobs for this cluster, as ``env`` takes them."""
        settings = {
            "PERCH_SIF": str(self.sif),
            "PERCH_OUT": str(self.there / "results"),
            "PERCH_BINDS": self.binds(),
            "PERCH_START_TIMEOUT": "900",
        }
        return [f"{name}={value}" for name, value in (settings | dict(knobs or {})).items()]

    def binds(self) -> str:
        """The shared folder, and the tree under test over the image's where the tests want it."""
        return "\n".join(filter(None, (str(self.there), self.source_bind())))

    def source_bind(self) -> str:
        """The tree under test over the image's package, where the tests want it; else empty."""
        return f"{self.source}:/opt/perch/lib/python3.11/site-packages/perch" if self.source else ""

    def show(self, job_id: str) -> dict[str, str]:
        """Slurm's own record of a job."""
        text = self.run("scontrol", "-o", "show", "job", job_id)
        return dict(re.findall(r"(\w+(?:/\w+)?)=(\S*)", text))

    def state(self, job_id: str) -> str:
        """RUNNING, COMPLETED, …"""
        return self.show(job_id)["JobState"]

    def exit_code(self, job_id: str) -> int:
        """The job's code; 128 + signal for a death by signal."""
        code, _, signal = self.show(job_id)["ExitCode"].partition(":")
        return int(code) if signal == "0" else 128 + int(signal)

    def wait(self, job_id: str, timeout_s: float = 300) -> int:
        """Wait until the job is over for good; its exit code."""
        self.until(lambda: self.state(job_id) in ENDED, f"the end of job {job_id}", timeout_s)
        return self.exit_code(job_id)

    def until(self, holds: Callable[[], bool], what: str, timeout_s: float = 300) -> None:
        """Ask until it holds. Fails with the jobs' output."""
        deadline = time.monotonic() + timeout_s
        while not holds():
            assert time.monotonic() < deadline, f"{what} did not come within {timeout_s:.0f} s\n{self.outputs()}"
            time.sleep(0.3)

    def output(self, job_id: str) -> str:
        """What a job printed."""
        paths = sorted(self.here.glob(f"*-{job_id}.out"))
        return paths[0].read_text(errors="replace") if paths else ""

    def outputs(self) -> str:
        """What all jobs of this test printed, for a failure's message."""
        return "\n".join(f"── job {job} ──\n{self.output(job)}" for job in self.jobs)

    def says(self, job_id: str, text: str, timeout_s: float = 300) -> None:
        """Wait until a job's output holds a text."""
        self.until(lambda: text in self.output(job_id), f"'{text}' from job {job_id}", timeout_s)

    def start_again(self, job_id: str, restarts: int = 1) -> None:
        """Wait until the job is back in the queue, and spare it Slurm's two minutes of delay, all but three seconds of them.

        A job that begins in the second in which it was ended is taken for the one that was: "already killed, do not launch".
        """
        self.until(lambda: int(self.show(job_id)["Restarts"]) >= restarts, f"restart {restarts} of job {job_id}")
        self.until(lambda: self.state(job_id) != "COMPLETING", "the end of the first start")
        if self.state(job_id) == "PENDING":
            self.run("scontrol", "update", f"JobId={job_id}", "StartTime=now+3", check=False)

    def kill(self, job_id: str) -> None:
        """KILL every process of the job's user on its first node, in the laboratory: nobody is told anything before."""
        podman("exec", f"slurm-{self.show(job_id)['BatchHost']}", "pkill", "-KILL", "-u", "user")

    def mend(self) -> None:
        """Start killed nodes of the laboratory. They come back with new addresses, which Slurm must be told."""
        hosts = ("head", "node1", "node2")
        for host in hosts:
            podman("start", f"slurm-{host}")
        form = "{{.NetworkSettings.Networks.slurm.IPAddress}}"
        table = "\n".join(f"{podman('inspect', '-f', form, f'slurm-{host}').stdout.strip()} {host}" for host in hosts)
        for host in hosts:
            rewrite = f"grep -v -E ' (head|node1|node2)$' /etc/hosts > /tmp/h; echo '{table}' >> /tmp/h; cat /tmp/h > /etc/hosts"
            podman("exec", f"slurm-{host}", "sh", "-c", rewrite)
        podman("exec", "slurm-head", "scontrol", "reconfigure")
        self.until(
            lambda: self.run("sinfo", "-h", "-p", "gpu", "-t", "idle,mixed,alloc", "-o", "%D").strip() == "2",
            "both nodes",
        )

    def cancel_all(self) -> None:
        """End what this test has left behind."""
        left = [job for job in self.jobs if self.state(job) not in ENDED]
        if left:
            self.run("scancel", *left)
            self.until(lambda: all(self.state(job) in ENDED for job in left), "the end of cancelled jobs")


def podman(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """On the machine that carries the laboratory."""
    return subprocess.run(["podman", *words], capture_output=True, text=True, check=check, timeout=180)


def program(
    cluster: Cluster,
    *words: str,
    run_id: str = "launch",
    nodes: int = 2,
    gpus: int | None = None,
    time: str = "00:15:00",
) -> Job:
    """A job that runs the tests' own driver."""
    command = ("python", str(cluster.there / "driver.py"), *words)
    return Job(run_id, command, nodes=nodes, cpus_per_node=1, gpus_per_node=gpus, memory="2G", time=time)


def find(folder: str) -> Cluster:
    """The cluster of this session, with a fresh folder on the shared file system."""
    sif = os.environ.get("PERCH_SLURM_SIF")
    if "PERCH_SLURM_SHARED" in os.environ:
        shared = Path(os.environ["PERCH_SLURM_SHARED"])
        here = there = shared / folder
        login, is_lab = shlex.split(os.environ.get("PERCH_SLURM_LOGIN", "")), False
    else:
        mounts = subprocess.run(
            ["podman", "inspect", "-f", "{{range .Mounts}}{{.Source}}={{.Destination}} {{end}}", "slurm-head"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        shared = Path(next(mount.split("=")[0] for mount in mounts if mount.endswith("=/scratch")))
        here, there = shared / folder, Path("/scratch") / folder
        login, is_lab = [str(LAB / "run")], True
    shutil.rmtree(here, ignore_errors=True)
    here.mkdir(parents=True)
    here.chmod(0o777)
    cluster = Cluster(login, here, there, Path(sif) if sif else there.parent / "perch.sif", is_lab)
    if os.environ.get("PERCH_SLURM_SOURCE") == "tree":  # the working tree over the image's package: no image to rebuild
        shutil.copytree(REPOSITORY / "app" / "perch", here / "perch", ignore=shutil.ignore_patterns("__pycache__"))
        cluster.source = there / "perch"
    return cluster
