"""A batch script for a study: ``#SBATCH`` lines and knobs from what was asked, then a body that is always the same."""

from __future__ import annotations

import re
from importlib import resources
from typing import Final

from perch.clusters.slurm import walltime
from perch.clusters.slurm.comment import BY_SCRIPT, comment
from perch.clusters.slurm.job import Job
from perch.clusters.slurm.knobs import knobs
from perch.clusters.slurm.refuse import bad
from perch.clusters.slurm.site import Site

BODY: Final = ("start.sh", "disk.sh", "node.sh", "run.sh")
"""Parts of the body, in ``batch/``."""


def render(job: Job, site: Site) -> str:
    """The whole script as text. Raises ClusterError (exit 2) for what Slurm would refuse."""
    _check(job)
    if walltime.read(job.time) <= site.warning_s + 60:
        raise bad(
            f"a job of {job.time} is told to stop {site.warning_s} s before its end",
            why="it would save and stop as soon as it has begun",
            fix="give it more time, or lower warning_s in the site file",
        )
    return "\n".join([*_header(job, site), "", *knobs(job, site), "", _body()])


def _check(job: Job) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", job.run_id.replace("$SLURM_ARRAY_TASK_ID", "0")):
        raise bad(
            f"'{job.run_id}' cannot name a run",
            why="it becomes a folder and a job name",
            fix="give --run-id, of letters, digits, - and _",
        )
    if job.nodes < 1 or job.cpus_per_node < 1 or (job.gpus_per_node is not None and job.gpus_per_node < 1):
        raise bad(
            "nodes, CPUs and GPUs are counted from one",
            why="one of them is less",
            fix="leave --gpus-per-node out for none",
        )
    if job.min_nodes is not None and not 1 <= job.min_nodes <= job.nodes:
        raise bad(f"--min-nodes {job.min_nodes} of {job.nodes} nodes", why="it lies outside 1…nodes", fix="lower it")
    if job.memory is not None and not re.fullmatch(r"\d+[KMGT]?", job.memory):
        raise bad(f"--mem {job.memory}", why="Slurm reads a number with K, M, G or T", fix="write --mem 64G")
    for path in (job.code, job.stage_data, *job.needed):
        if path is not None and re.search(r"[:,\n]", path):
            raise bad(
                f"'{path}' cannot be shown in the container",
                why="its name holds a colon, a comma or a line break, which Apptainer reads as a list",
                fix="rename it, or give a link without them",
            )


def _header(job: Job, site: Site) -> list[str]:
    options: list[tuple[str, str]] = [
        (f"--job-name=perch-{job.run_id}".replace("-$SLURM_ARRAY_TASK_ID", ""), "names the run"),
        (
            f"--comment={comment(job.out or 'results', job.run_id, BY_SCRIPT)}",
            "the run's folder, for 'perch slurm status'",
        ),
        (f"--nodes={job.nodes}", ""),
        ("--ntasks-per-node=1", "one launcher per node; Ray does the rest"),
        (f"--cpus-per-task={job.cpus_per_node}", "CPUs of each node"),
    ]
    options += [(f"--gpus-per-node={job.gpus_per_node}", "")] if job.gpus_per_node else []
    options += [(f"--mem={job.memory}", "memory of each node")] if job.memory else []
    options += [(f"--time={job.time}", "")]
    options += [(f"--array={job.array}", "one run per task, each a job of its own")] if job.array else []
    for option in ("account", "partition", "qos", "constraint"):
        if value := getattr(site, option):
            options.append((f"--{option}={value}", ""))
    options += [(option, "") for option in site.sbatch]
    options += [
        (f"--signal=B:USR1@{site.warning_s}", "this shell alone is told before the end: the run saves and stops"),
        ("--requeue", "preempted or lost with its first node: start again")
        if site.requeue
        else ("--no-requeue", "this site forbids it: bash job.sbatch --chain 3"),
        ("--no-kill", "losing another node does not end the job"),
        ("--open-mode=append", "a restart goes on in the same file"),
        ("--output=%x-%j.out", ""),
    ]
    title = job.title or f"the run '{job.run_id}' on {job.nodes} node(s)"
    lines = [
        "#!/usr/bin/env bash",
        f"# Perch: {title}. Written by 'perch slurm script'.",
        "# Needs Slurm and Apptainer, nothing else.",
        "# shellcheck disable=SC2317,SC2329  # some functions run on other nodes",
    ]
    for option, note in options:
        lines += _noted(f"#SBATCH {option}", note)
    return lines


def _noted(line: str, note: str, width: int = 44) -> list[str]:
    """A line with its comment, which goes before a line that is too long for both."""
    if not note:
        return [line]
    return [f"{line:<{width}}# {note}"] if len(line) < width else [f"# {note}:", line]


def _body() -> str:
    parts = resources.files("perch.clusters.slurm").joinpath("batch")
    return "".join(parts.joinpath(name).read_text() for name in BODY)
