"""A stand-in for Slurm and Apptainer on one machine, for tests of batch scripts and launchers.

It is a folder of commands with the real names. ``srun`` starts its tasks here, one per pretended node; the others record how
they were called. What it leaves out: queues, limits, accounting. ``FakeSlurm.calls`` says what was asked of it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Final

from tests.patience import LIMIT_S

_COMMANDS: Final = {
    "srun": """
tasks=1
while [[ ${1:-} == --* ]]; do
  [[ $1 != --ntasks=* ]] || tasks=${1#--ntasks=}
  shift
done
code=0 pids=()
for ((i = 0; i < tasks; i++)); do
  SLURM_NODEID=$i SLURM_PROCID=$i SLURMD_NODENAME=node$((i + 1)) SLURM_NTASKS=$tasks SLURM_STEP_NUM_NODES=$tasks "$@" &
  pids+=($!)
done
for pid in "${pids[@]}"; do
  one=0; wait "$pid" || one=$?
  ((one <= code)) || code=$one
done
exit "$code"
""",
    "sbatch": 'echo "Submitted batch job $RANDOM"',
    "scontrol": """
if [[ $* == "-o show job "* ]]; then
  echo "JobId=$4 Command=${FAKE_COMMAND:-/home/me/job.sbatch} WorkDir=/home/me"
elif [[ $1 == show && $2 == hostnames ]]; then
  [[ $3 == *\\[* ]] || { echo "$3"; exit; }
  for ((i = 1; i <= FAKE_NODES; i++)); do echo "node$i"; done
fi
""",
    "squeue": """
case "$*" in
  *"-j ${FAKE_OVER:-none} "*) ;;
  *%T*) echo "${FAKE_STATE:-RUNNING}" ;;
  *%N*) echo "${FAKE_LEFT:-$SLURM_JOB_NODELIST}" ;;
  *%e*) date -d "@${FAKE_END:-2000000000}" +%FT%T ;;
esac
""",
    "apptainer": """
[[ $1 == exec ]] || exit 1
shift
while [[ $1 == --* ]]; do
  case $1 in --pwd) cd "$2" || exit 255; shift 2 ;;
    --bind) # as Apptainer reads it: a list with commas of source:target:options
      source=${2%%:*}
      [[ -e $source && $2 != *,* ]] || { echo "FATAL: mount source $2 doesn't exist" >&2; exit 255; }
      shift 2 ;;
    *) shift ;; esac
done
sif=$1; shift
[[ $(head -c 3 "$sif") == sif ]] || { echo "FATAL: while checking image: image format not recognized" >&2; exit 255; }
inside=(PATH="$PATH" HOME=/ FAKE_PERCH="${FAKE_PERCH:-}")
for name in $(compgen -e); do
  [[ $name != APPTAINERENV_* ]] || inside+=("${name#APPTAINERENV_}=${!name}")
done
exec env -i "${inside[@]}" "$@"
""",
}


_NUMBERS: Final = count(1)


class FakeSlurm:
    """Commands in ``folder/bin``, their calls in ``folder/calls``, and a SIF that its Apptainer accepts.

    No two pretend the same job: on this machine's disk each would remove what it takes for an earlier start of itself.
    """

    def __init__(self, folder: Path, *, nodes: int = 2) -> None:
        self.folder, self.nodes = folder, nodes
        self.job_id = 1_000 * os.getpid() + next(_NUMBERS)
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True)
        self._log = folder / "calls"
        self._log.touch()
        for name, body in _COMMANDS.items():
            self.command(name, body)
        self.sif = folder / "perch.sif"
        self.sif.write_text("sif\n")

    def command(self, name: str, body: str) -> None:
        """Put a command on PATH; every call is recorded before ``body`` runs."""
        path = self.bin / name
        # Nodes call at once, and each printf is a write of its own: without the lock two calls would share a line.
        note = f'{{ flock 9; printf "%s" {name}; printf " %s" "$@"; echo; }} 9>> "{self._log}" >&9'
        path.write_text(f"#!/usr/bin/env bash\nset -u\n{note}\n{body}\n")
        path.chmod(0o755)

    def calls(self, name: str) -> list[str]:
        """The recorded calls of a command, as lines."""
        return [line for line in self._log.read_text().splitlines() if line.split(" ", 1)[0] == name]

    def environment(self, *, restart: int = 0, node: int | None = None, end_s: int = 2_000_000_000) -> dict[str, str]:
        """Slurm's variables of the job, and of a task on ``node``."""
        result = {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "FAKE_NODES": str(self.nodes),
            "SLURM_JOB_ID": str(self.job_id),
            "SLURM_JOB_NUM_NODES": str(self.nodes),
            "SLURM_JOB_NODELIST": f"node[1-{self.nodes}]",
            "SLURM_JOB_END_TIME": str(end_s),
            "SLURM_CPUS_PER_TASK": "2",
            "SLURM_MEM_PER_NODE": "2048",
            "SLURM_SUBMIT_DIR": str(self.folder),
        }
        if restart:
            result["SLURM_RESTART_COUNT"] = str(restart)
        if node is not None:
            result |= {"SLURM_NODEID": str(node), "SLURMD_NODENAME": f"node{node + 1}", "SLURM_NTASKS": str(self.nodes)}
        return result

    def start(self, script: str, *arguments: str, extra: Mapping[str, str] | None = None, restart: int = 0) -> Running:
        """Run a batch script as Slurm would: with bash, in the folder it was submitted from."""
        path = self.folder / "job.sbatch"
        path.write_text(script)
        environment = self.environment(restart=restart) | dict(extra or {})
        process = subprocess.Popen(
            ["bash", str(path), *arguments],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return Running(process)


class Running:
    """A batch script at work."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def signal(self, number: int) -> None:
        """What ``--signal=B:`` does: the batch shell alone is told."""
        self.process.send_signal(number)

    def wait(self, timeout_s: float = LIMIT_S) -> tuple[int, str]:
        """Its exit code and everything it said."""
        output, _ = self.process.communicate(timeout=timeout_s)
        return self.process.returncode, output
