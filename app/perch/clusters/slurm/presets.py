"""The batch scripts in ``apptainer/``: what ``render`` makes of four plain jobs. ``python -m perch.clusters.slurm.presets DIR``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from perch.clusters.slurm.job import RUN, Job
from perch.clusters.slurm.script import render
from perch.clusters.slurm.site import Site

_COMMAND: Final = ("run", *RUN)

PRESETS: Final = {
    "one-node": Job("adsorption", _COMMAND, cpus_per_node=8, memory="16G", title="one node, the embedded study"),
    "many-nodes": Job(
        "adsorption", _COMMAND, nodes=4, min_nodes=3, cpus_per_node=16, memory="32G", title="one study on four nodes"
    ),
    "gpus": Job(
        "adsorption",
        (*_COMMAND, "--set", "resources.gpus=0.25"),
        nodes=4,
        cpus_per_node=32,
        gpus_per_node=4,
        memory="128G",
        title="one study on four nodes of four GPUs, four trials per GPU",
    ),
    "array": Job(
        "adsorption-$SLURM_ARRAY_TASK_ID",
        (*_COMMAND, "--seed", "${SLURM_ARRAY_TASK_ID:-0}"),
        cpus_per_node=8,
        memory="16G",
        array="0-4",
        title="independent studies, one per task of an array: five seeds, or the lines of PERCH_STUDY_LIST",
    ),
}


def write(folder: Path) -> None:
    """Write each preset as ``NAME.sbatch``."""
    for name, job in PRESETS.items():
        (folder / f"{name}.sbatch").write_text(render(job, Site()))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
