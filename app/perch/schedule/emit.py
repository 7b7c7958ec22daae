"""A schedule in the forms that people use: JSON for ``perch train``, PyTorch code that runs as printed, YAML for a study."""

from __future__ import annotations

from typing import Any

from perch import yaml12
from perch.schedule.fit import Fit
from perch.schedule.inherited import Inherited

HEAD = '''"""Learning-rate schedule of {origin}: {kind}, {epochs} epochs. Call scheduler.step() after every epoch."""

import torch


def make_scheduler(optimizer: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LRScheduler:
    """The optimizer must be made with lr={base:.6g}."""
'''

TAIL = """

if __name__ == "__main__":
    model = torch.nn.Linear(1, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr={base:.6g})
    scheduler = make_scheduler(optimizer)
    for epoch in range(1, {epochs} + 1):
        print(epoch, scheduler.get_last_lr()[0])
        optimizer.step()  # train one epoch here
        scheduler.step()
"""


def as_json(lineage: Inherited, fits: dict[str, Fit], choice: str, run: str) -> dict[str, Any]:
    """What ``perch train --lr-schedule`` reads: ``lr_schedule`` lists a value per epoch for every key; the last holds on.

    It holds the chosen fit of the learning rate and PBT's own values of all other keys; ``own`` holds PBT's alone.
    """
    own = {key: list(values) for key, values in lineage.values.items()}
    return {
        "run": run,
        "trial": lineage.trial,
        "epochs": lineage.epochs,
        "population_epochs": lineage.total_epochs,
        "kind": choice,
        "lr_schedule": {**own, lineage.rate: fits[choice].values},
        "own": own,
        "config": dict(lineage.fixed),
        "fits": {
            kind: {"parameters": fit.parameters, "deviation_ln": round(fit.deviation, 4), "criterion": round(fit.criterion, 2)}
            for kind, fit in fits.items()
        },
    }  # fmt: skip


def as_python(fit: Fit, origin: str) -> str:
    """A PyTorch scheduler as a file that runs."""
    base = fit.values[0]
    words = {"origin": origin, "kind": fit.kind, "epochs": len(fit.values), "base": base}
    return HEAD.format(**words) + _body(fit, base) + TAIL.format(**words)


def _body(fit: Fit, base: float) -> str:
    p = fit.parameters
    if fit.kind == "constant":
        return "    return torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)\n"
    if fit.kind == "cosine":
        return f"    return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max={len(fit.values)}, eta_min={p['end']!r})\n"
    milestones, levels = [m - 1 for m in p["milestones"]], p["lr"]
    if len(milestones) == 1:
        return f"    return torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones={milestones}, gamma={levels[1] / base!r})\n"
    return (
        f"    milestones, factors = {milestones}, {[level / base for level in levels]}\n\n"
        "    def factor(epochs_done: int) -> float:\n"
        "        return factors[sum(epochs_done >= m for m in milestones)]\n\n"
        "    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)\n"
    )


def as_yaml(lineage: Inherited, fit: Fit) -> str:
    """The part of a study file that trains with this schedule: the lineage's settings fixed, the schedule by epoch."""
    schedule = {**{k: list(v) for k, v in lineage.values.items()}, lineage.rate: fit.values}
    fixed = {k: v for k, v in lineage.fixed.items() if k != "lr_schedule"}
    head = f"# {fit.kind} schedule over {lineage.epochs} epochs; the last value holds on. Merge into a study file.\n"
    content = {"epochs": lineage.epochs, "space": {**fixed, "lr_schedule": schedule}}
    return head + yaml12.dump(content, default_flow_style=None, width=120)
