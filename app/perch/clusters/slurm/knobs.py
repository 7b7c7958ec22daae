"""The knobs at the head of a batch script: what may be changed there or from outside, each with a comment."""

from __future__ import annotations

import re
import shlex
from typing import Final

from perch.clusters.slurm.job import Job
from perch.clusters.slurm.site import Site

OLD_NAMES: Final = (
    "SIF", "OUT", "RUN_ID", "NEEDED", "CODE_DIR", "BINDS", "PASS_ENV", "RUNTIME", "CONTAINER_OPTIONS", "PRIVATE_PIDS",
    "GPUS_PER_NODE", "GPU_FLAG", "INTERFACE", "NODE_TMP", "STAGE", "STAGE_DATA", "MIN_NODES", "START_TIMEOUT", "DASHBOARD",
    "MAX_REQUEUES", "WARNING_S", "STUDY_LIST",
)  # fmt: skip
"""Knobs that scripts of earlier versions read without the prefix; they are still read, and said."""

_OLD: Final = """\
# Names of earlier versions, without the prefix, are still read. `given`: what was set from outside, for submitting again.
given=
for knob in {names}; do
  new=PERCH_$knob
  if [[ -z ${{!new:-}} && -n ${{!knob:-}} ]]; then
    declare "$new=${{!knob}}"
    [[ $knob != BINDS ]] || PERCH_BINDS=${{BINDS// /$'\\n'}} # was one line
    echo "perch: $knob is read as $new; set that name instead" >&2
  fi
  [[ -z ${{!new:-}} ]] || printf -v given '%s%s=%q ' "$given" "$new" "${{!new}}"
done"""


def knobs(job: Job, site: Site) -> list[str]:
    """Modules, strict mode, then a line or two for each knob, then the command."""
    flag = {"nvidia": "--nv", "amd": "--rocm"}[site.gpu]
    folder = "${SLURM_SUBMIT_DIR:-$PWD}"
    listed = [
        ("SIF", site.sif if site.sif else f"{folder}/perch.sif", "the image"),
        ("OUT", job.out if job.out else f"{folder}/results", "results, on a file system that all nodes share"),
        ("RUN_ID", _run_id(job.run_id), "OUT/RUN_ID is the run's folder: submitting again goes on with it"),
        ("NEEDED", "\n".join(job.needed), "files and folders that every node must see, one per line"),
        ("CODE_DIR", job.code or "", "a folder with your own trainable module, for PYTHONPATH"),
        ("BINDS", "\n".join(site.binds), "more folders to show inside the container, one per line"),
        ("PASS_ENV", " ".join(site.pass_env), "more variables to let in, by name"),
        ("RUNTIME", site.runtime, "apptainer or singularity"),
        ("CONTAINER_OPTIONS", site.container_options, "more options for it, quoted as in a shell"),
        ("PRIVATE_PIDS", str(int(site.private_pids)), "1: a PID namespace of the job's own"),
        ("GPUS_PER_NODE", str(job.gpus_per_node or ""), "fail when a node shows fewer"),
        ("GPU_FLAG", flag, "--nv (NVIDIA) or --rocm (AMD)"),
        ("INTERFACE", site.interface or "", "network between the nodes, such as ib0; empty: the one that leads there"),
        ("NODE_TMP", site.node_tmp, "the node's own disk; $TMPDIR, $USER and the like are read on each node"),
        ("STAGE", str(int(site.stage)), "1: copy the SIF there first, once per node"),
        ("STAGE_DATA", job.stage_data or "", "a data file to copy there too"),
        ("STAGE_GB", str(site.stage_gb), "gigabytes of copies that stay there"),
        ("MIN_NODES", str(job.min_nodes or ""), "start with this many when others do not come"),
        ("START_TIMEOUT", "300", "seconds to wait for the nodes to join"),
        ("DASHBOARD", "0", "1: with Ray's dashboard, nine processes more on the first node"),
        ("MAX_REQUEUES", str(site.max_requeues if site.requeue else 0), "restarts that a job may give itself"),
        ("WARNING_S", str(site.warning_s), "as in --signal above"),
    ]
    lines = _modules(site)
    lines += ["set -euo pipefail", ""]
    lines += ["# Knobs: change them here, or as variables of sbatch (PERCH_STAGE=1 sbatch job.sbatch)."]
    lines += _OLD.format(names=" ".join(OLD_NAMES)).splitlines()
    for name, value, comment in listed:
        lines += _aligned(knob(f"PERCH_{name}", value), comment)
    words = " ".join(_word(word) for word in job.command)
    lines += [
        "# What the first node runs: a perch command line, word by word. Arguments of this script are added to it."
    ]
    lines += [f"COMMAND=({words})"] if job.array is None else _array_command(words)
    return lines


def knob(name: str, value: str) -> str:
    """A variable that the caller of sbatch may set, else ``value``: as it is, but for Slurm's own variables in it."""
    if re.fullmatch(r"[\w./:=,@%+ -]*", re.sub(r"\$\{SLURM_[A-Z_]+:-(\$PWD|\d+)\}", "", value), re.ASCII):
        return f': "${{{name}:={value}}}"'
    return f"[[ -n ${{{name}:-}} ]] || {name}={shlex.quote(value)}"


def _modules(site: Site) -> list[str]:
    """Module systems read variables that are not set and commands that fail: strict mode comes after them."""
    if not site.modules:
        return []
    names = shlex.join(site.modules)
    return [
        f"module load {names} || {{",
        f"  echo \"perch: ${{SLURMD_NODENAME:-$HOSTNAME}}: 'module load' failed: {names}\" >&2",
        "  echo \"  fix: correct modules in the site file; 'module avail' lists what there is\" >&2",
        "  exit 2",
        "}",
    ]


def _array_command(words: str) -> list[str]:
    return [
        f"COMMAND=({words})",
        "# Another study for each task: a file with one perch command line per line, the first for task 0.",
        ': "${PERCH_STUDY_LIST:=}"',
        "if [[ -n $PERCH_STUDY_LIST && -n ${SLURM_ARRAY_TASK_ID:-} ]]; then",
        '  mapfile -t lines < "$PERCH_STUDY_LIST"',
        "  words=$(xargs -r printf '%s\\n' <<< \"${lines[SLURM_ARRAY_TASK_ID]}\") # quotes as in a shell",
        '  mapfile -t COMMAND <<< "$words"',
        '  COMMAND+=(--out "$PERCH_OUT" --run-id "$PERCH_RUN_ID")',
        "fi",
    ]


def _aligned(line: str, comment: str, width: int = 48) -> list[str]:
    return [f"# {comment}", line] if len(line) >= width or "\n" in line else [f"{line:<{width}} # {comment}"]


def _run_id(value: str) -> str:
    head, mark, tail = value.partition("$SLURM_ARRAY_TASK_ID")
    return head + ("${SLURM_ARRAY_TASK_ID:-0}" if mark else "") + tail


def _word(word: str) -> str:
    """Quote a word, but let the script's own variables stand."""
    return f'"{word}"' if re.fullmatch(r"\$\{?[A-Z_]+(:-\d+)?\}?", word) else shlex.quote(word)
