"""A batch script for a study: ``#SBATCH`` lines and knobs from what was asked, then a body that is always the same."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from perch.clusters.slurm.site import Site
from perch.errors import ClusterError


@dataclass(frozen=True)
class Job:
    """What one job asks for. ``time`` as Slurm writes it; ``needed``: files and folders that every node must see."""

    run_id: str
    command: tuple[str, ...]
    nodes: int = 1
    cpus_per_node: int = 8
    gpus_per_node: int | None = None
    memory: str | None = None
    time: str = "08:00:00"
    out: str | None = None
    needed: tuple[str, ...] = ()
    stage_data: str | None = None
    code: str | None = None
    min_nodes: int | None = None
    array: str | None = None
    title: str = ""


def job_for(
    study: Path | None,
    arguments: tuple[str, ...] = (),
    *,
    time: str,
    run_id: str | None = None,
    out: Path | None = None,
    code: Path | None = None,
    stage_data: bool = False,
    nodes: int = 1,
    cpus_per_node: int = 8,
    gpus_per_node: int | None = None,
    memory: str | None = None,
    min_nodes: int | None = None,
) -> Job:
    """What a study needs of a job: its file, its data, and a name that stays the same when it is submitted again."""
    from perch.fields import seconds
    from perch.study import load

    spec = load(study)
    try:
        duration = slurm_time(float(seconds(time)))
    except ValueError as error:
        raise _bad(f"--time {time}", str(error), "write --time 8h") from error
    needed = [str(study.absolute())] if study else []
    data = spec.data.path
    if data and "://" not in data:
        needed.append(str(spec.path(data).absolute()))
    words = ("run", *needed[:1], *arguments) if study else ("run", *arguments)
    return Job(
        run_id=run_id or f"{spec.name}-{spec.strategy_name}",
        command=(*words, "--out", "$OUT", "--run-id", "$RUN_ID"),
        nodes=nodes,
        cpus_per_node=cpus_per_node,
        gpus_per_node=gpus_per_node,
        memory=memory,
        time=duration,
        out=str(out.absolute()) if out else None,
        needed=tuple(needed),
        stage_data=needed[-1] if stage_data and len(needed) > 1 else None,
        code=str(code.absolute()) if code else None,
        min_nodes=min_nodes,
    )


def render(job: Job, site: Site) -> str:
    """The whole script as text. Raises ClusterError (exit 2) for what Slurm would refuse."""
    _check(job)
    if _seconds(job.time) <= site.warning_s + 60:
        raise _bad(
            f"a job of {job.time} is told to stop {site.warning_s} s before its end",
            "it would save and stop as soon as it has begun",
            "give it more time, or lower warning_s in the site file",
        )
    return "\n".join([*_header(job, site), "", *_knobs(job, site), "", _body()])


def slurm_time(seconds: float) -> str:
    """``8h`` in seconds to Slurm's ``08:00:00``, or ``1-00:00:00`` from a day on."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f"{days}-{hour:02}:{minute:02}:{second:02}" if days else f"{hour:02}:{minute:02}:{second:02}"


def _seconds(time: str) -> int:
    """Slurm's D-HH:MM:SS in seconds."""
    days, _, clock = time.rpartition("-")
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    return ((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + seconds


def _check(job: Job) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", job.run_id.replace("$SLURM_ARRAY_TASK_ID", "0")):
        raise _bad(
            f"'{job.run_id}' cannot name a run", "it becomes a folder and a job name", "use letters, digits, - and _"
        )
    if job.nodes < 1 or job.cpus_per_node < 1 or (job.gpus_per_node is not None and job.gpus_per_node < 1):
        raise _bad(
            "nodes, CPUs and GPUs are counted from one", "one of them is less", "leave --gpus-per-node out for none"
        )
    if job.min_nodes is not None and not 1 <= job.min_nodes <= job.nodes:
        raise _bad(f"--min-nodes {job.min_nodes} of {job.nodes} nodes", "it lies outside 1…nodes", "lower it")
    if job.memory is not None and not re.fullmatch(r"\d+[KMGT]?", job.memory):
        raise _bad(f"--mem {job.memory}", "Slurm reads a number with K, M, G or T", "write --mem 64G")


def _header(job: Job, site: Site) -> list[str]:
    name = f"perch-{job.run_id}".replace("-$SLURM_ARRAY_TASK_ID", "")
    options: list[tuple[str, str]] = [
        (f"--job-name={name}", "names the run; a chain's jobs wait for each other by it"),
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
        "# shellcheck disable=SC2317  # some functions run on other nodes",
    ]
    for option, comment in options:
        line = f"#SBATCH {option}"
        lines.append(f"{line:<44}# {comment}" if comment else line)
    return lines


def _knobs(job: Job, site: Site) -> list[str]:
    flag = {"nvidia": "--nv", "amd": "--rocm"}[site.gpu]
    folder = "${SLURM_SUBMIT_DIR:-$PWD}"
    knobs = [
        ("SIF", site.sif if site.sif else f"{folder}/perch.sif", "the image"),
        (
            "OUT",
            job.out if job.out else f"{folder}/results",
            "results, on a file system that all nodes share",
        ),
        ("RUN_ID", _run_id(job.run_id), "OUT/RUN_ID is the run's folder: submitting again goes on with it"),
        ("NEEDED", "\n".join(job.needed), "files and folders that every node must see, one per line"),
        ("CODE_DIR", (job.code or ""), "a folder with your own trainable module, for PYTHONPATH"),
        ("BINDS", " ".join(site.binds), "more folders to show inside the container"),
        ("PASS_ENV", " ".join(site.pass_env), "more variables to let in, by name"),
        ("RUNTIME", site.runtime, "apptainer or singularity"),
        ("CONTAINER_OPTIONS", site.container_options, "more options for it"),
        ("PRIVATE_PIDS", str(int(site.private_pids)), "1: a PID namespace of the job's own"),
        ("GPUS_PER_NODE", str(job.gpus_per_node or ""), "fail when a node shows fewer"),
        ("GPU_FLAG", flag, "--nv (NVIDIA) or --rocm (AMD)"),
        (
            "INTERFACE",
            (site.interface or ""),
            "network between the nodes, such as ib0; empty: the one that leads there",
        ),
        ("NODE_TMP", site.node_tmp, "the node's own disk"),
        ("STAGE", str(int(site.stage)), "1: copy the SIF there first, once per node"),
        ("STAGE_DATA", (job.stage_data or ""), "a data file to copy there too"),
        ("MIN_NODES", str(job.min_nodes or ""), "start with this many when others do not come"),
        ("START_TIMEOUT", "300", "seconds to wait for the nodes to join"),
        ("DASHBOARD", "0", "1: with Ray's dashboard, nine processes more on the first node"),
        ("MAX_REQUEUES", str(site.max_requeues if site.requeue else 0), "restarts that a job may give itself"),
        ("WARNING_S", str(site.warning_s), "as in --signal above"),
    ]
    lines = [
        "set -euo pipefail",
        "",
        "# Knobs: change them here, or as variables of sbatch (STAGE=1 sbatch job.sbatch).",
    ]
    for name, value, comment in knobs:
        lines += _aligned(_knob(name, value), comment)
    lines += [f"module load {shlex.join(site.modules)}"] if site.modules else []
    words = " ".join(_word(word) for word in job.command)
    lines += [
        "# What the first node runs: a perch command line, word by word. Arguments of this script are added to it."
    ]
    lines += [f"COMMAND=({words})"] if job.array is None else _array_command(words)
    return lines


def _array_command(words: str) -> list[str]:
    return [
        f"COMMAND=({words})",
        "# Another study for each task: a file with one perch command line per line, the first for task 0.",
        ': "${STUDY_LIST:=}"',
        "if [[ -n $STUDY_LIST && -n ${SLURM_ARRAY_TASK_ID:-} ]]; then",
        '  mapfile -t lines < "$STUDY_LIST"',
        '  read -r -a COMMAND <<< "${lines[SLURM_ARRAY_TASK_ID]}"',
        '  COMMAND+=(--out "$OUT" --run-id "$RUN_ID")',
        "fi",
    ]


def _aligned(knob: str, comment: str, width: int = 48) -> list[str]:
    return [f"# {comment}", knob] if len(knob) >= width or "\n" in knob else [f"{knob:<{width}} # {comment}"]


def _knob(name: str, value: str) -> str:
    """A variable that the caller of sbatch may set, else ``value``: as it is, but for Slurm's own variables in it."""
    if re.fullmatch(r"[\w./:=,@%+ -]*", re.sub(r"\$\{SLURM_[A-Z_]+:-(\$PWD|\d+)\}", "", value)):
        return f': "${{{name}:={value}}}"'
    return f"[[ -n ${{{name}:-}} ]] || {name}={shlex.quote(value)}"


def _run_id(value: str) -> str:
    head, mark, tail = value.partition("$SLURM_ARRAY_TASK_ID")
    return head + ("${SLURM_ARRAY_TASK_ID:-0}" if mark else "") + tail


def _word(word: str) -> str:
    """Quote a word, but let the script's own variables stand."""
    return f'"{word}"' if re.fullmatch(r"\$\{?[A-Z_]+(:-\d+)?\}?", word) else shlex.quote(word)


def _body() -> str:
    return resources.files("perch.clusters.slurm").joinpath("batch.sh").read_text()


def _bad(what: str, why: str, fix: str) -> ClusterError:
    error = ClusterError(what, why=why, fix=fix)
    error.exit_code = 2
    return error
