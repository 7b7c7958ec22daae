"""Examples at the foot of each command's help page, each with what it is for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

EXAMPLES: Final[Mapping[str, tuple[str, ...]]] = {
    "run": (
        "perch run  # the embedded study: minutes on two cores",
        "perch run study.yaml --time-budget 8h  # your study, for eight hours",
        "perch run study.yaml --resume  # go on with the newest unfinished run of it",
        "perch run study.yaml --workers 4 --gpus 1  # four trials at once, a GPU for each",
        "perch run study.yaml --watch  # the report in the browser while it goes on",
        "perch run study.yaml --set epochs=27 --set space.lr=1e-3",
    ),
    "init": (
        "perch init  # asks five questions",
        "perch init --data slabs.extxyz --target energy_ev --adsorbate O,H --budget 8h",
        "perch init --preset mace --template mace.yaml --program /envs/mace/bin/mace_run_train",
    ),
    "strategies": ("perch strategies", "perch strategies asha  # its paper, settings and when to use it"),
    "data build": ("perch data build study.yaml",),
    "data inspect": (
        "perch data inspect slabs.extxyz  # which keys there are",
        "perch data inspect slabs.extxyz --target energy_ev --adsorbate O,H",
    ),
    "space": (
        "perch space study.yaml --gpu-memory 16GB  # what fits, what does not, and the line that leaves it out",
    ),
    "compare": (
        "perch compare study.yaml --strategies asha,rs --seeds 10 --time-budget 10m",
        "perch compare results/COMPARISON --strategies asha,rs  # judge what is there, run nothing",
    ),
    "record": ("perch record study.yaml --budget 30m  # curves to rehearse on",),
    "rehearse": ("perch rehearse results/RECORD --strategies rs,ahb,asha --gpus 32 --hours 8",),
    "advise": ("perch advise study.yaml --gpus 4 --hours 8 --epoch-s 30",),
    "plan": ("perch plan study.yaml --gpus 4 --hours 8 --epoch-s 30",),
    "schedule": ("perch schedule results/RUN --validate 5  # train the schedule again, beside constant and cosine rates",),
    "train": ("perch train study.yaml --config results/RUN/best/config.json --repeats 3",),
    "predict": ("perch predict results/RUN new.xyz  # energies in eV, with a deviation",),
    "report": ("perch report results/RUN", "perch report results/A results/B  # several runs on one page"),
    "board": ("perch board results/RUN  # TensorBoard",),
    "why": ("perch why results/RUN 00017",),
    "audit": ("perch audit results/RUN  # was early stopping safe?",),
    "watch": ("perch watch results/RUN  # the report, live in the browser",),
    "ctl": (
        "perch ctl results/RUN stop 00007  # end a trial: its worker is free for another",
        "perch ctl results/RUN keep 00012  # train it to the end, whatever the strategy says",
        "perch ctl results/RUN add lr=0.003 batch_size=32 --config results/RUN/best/config.json",
        "perch ctl results/RUN budget --trials 80 --time-budget 2h",
        "perch ctl results/RUN end  # confirm the best, name the winner, and end",
        "perch ctl results/RUN leave  # save and end, to be resumed",
    ),
    "export": ("perch export results/RUN --optuna study.db",),
    "wandb sync": ("perch wandb sync results/RUN",),
    "slurm script": ("perch slurm script study.yaml --nodes 4 --gpus-per-node 8 --time 8h > job.sh",),
    "slurm status": ("squeue -h --me -o '%i|%j|%T|%M|%l|%D|%R|%Z|%k' | perch slurm status -",),
    "slurm logs": ("perch slurm logs results/RUN",),
    "slurm stop": ("perch slurm stop results/RUN",),
    "slurm launch": ("srun perch slurm launch --job-folder JOB -- perch run study.yaml  # what a batch script does",),
    "k8s submit": ("perch k8s submit study.yaml --run-id first",),
    "k8s status": ("perch k8s status first",),
    "k8s logs": ("perch k8s logs first",),
    "k8s stop": ("perch k8s stop first",),
    "k8s fetch": ("perch k8s fetch first --to results/first",),
    "doctor": (
        "perch doctor",
        "perch doctor study.yaml  # can this study run here?",
        "perch doctor --fix  # build Dragonfly's environment (bo, asha-bo)",
    ),
}  # fmt: skip
"""By the command's words."""


def commands(words: str) -> list[tuple[str, str]]:
    """The examples of a command: what to type, and what it is for (which may be empty)."""
    parts = (line.partition("  # ") for line in EXAMPLES.get(words, ()))
    return [(typed.strip(), meant.strip()) for typed, _, meant in parts]


def epilog(words: str) -> str | None:
    """The foot of the help page; its lines are parted as Typer wants them."""
    if words not in EXAMPLES:
        return None
    lines = [f"{typed}   # {meant}" if meant else typed for typed, meant in commands(words)]
    return "\n\n".join(["Examples:", *lines])
