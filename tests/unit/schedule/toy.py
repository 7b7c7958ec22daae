"""A population trained on a toy whose ideal learning rate is known: high up to epoch 30, ten times lower from then on."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from perch.space import keyed_rng, parse_space
from perch.strategies.plan import Plan
from perch.strategies.registry import build
from perch.strategies.strategy import DONE, Action, New, Resume
from perch.study import Study, parse

DROP_AFTER, HIGH, LOW, EPOCHS = 30, 0.1, 0.01, 60
SPACE = parse_space({"lr": {"float": [0.001, 0.5], "log": True}, "atom_embedding_size": 16})


def step(error: float, lr: float, epoch: int, drop_after: int = DROP_AFTER) -> float:
    """One epoch: the error shrinks by 5 %, or by less when lr is more than a factor of 1.65 from that epoch's ideal."""
    ideal = HIGH if epoch <= drop_after else LOW
    beyond = max(0.0, abs(math.log(lr / ideal)) - 0.5)
    return error * (1 - 0.05 * math.exp(-(beyond**2) / 0.5))


@dataclass
class MadeUpRun:
    """The record of a run, in memory."""

    curves: pd.DataFrame
    trials: pd.DataFrame
    summary: dict[str, Any] = field(default_factory=lambda: {"strategy": "pbt", "seed": 0})
    study: Study = field(default_factory=lambda: parse({}))
    folder: Path = Path("/made-up/pbt")


def population(seed: int = 0, members: int = 16, interval: int = 3, drop_after: int = DROP_AFTER) -> MadeUpRun:
    """Drive the PBT strategy itself, member by member, and write down what a record would hold."""
    plan = Plan(space=SPACE, epochs=EPOCHS, trials=members, seed=seed, workers=members)
    strategy = build({"name": "pbt", "perturbation_interval": interval}, plan)
    errors: dict[str, float] = {}
    saved: dict[tuple[str, int, int], float] = {}
    state: dict[str, dict[str, Any]] = {}
    rows: list[dict[str, Any]] = []
    running: list[str] = []
    clock = 0.0
    while True:
        while len(running) < members and (answer := strategy.ask(clock)) not in (None, DONE):
            if isinstance(answer, Resume):
                strategy.applied({"e": "promote", "id": answer.trial})
                running.append(answer.trial)
                continue
            assert isinstance(answer, New)
            name = f"{len(state):05d}"
            strategy.applied({"e": "trial", "id": name, "i": len(state), "config": answer.config, "bracket": 0})
            state[name] = {"config": answer.config, "seg": 0, "epoch": 0, "parent": None}
            errors[name] = 1.0
            running.append(name)
        if not running:
            break
        name = running.pop(0)
        at = state[name]
        at["epoch"] += 1
        clock += 1.0
        errors[name] = step(errors[name], at["config"]["lr"], at["epoch"], drop_after)
        noise = 0.002 * float(keyed_rng(seed, "noise", name, at["seg"], at["epoch"]).normal())
        value = errors[name] * (1 + noise)
        parent = at.pop("parent", None) or (None, None, None)
        rows.append(
            {"trial_id": name, "segment": at["seg"], "epoch": at["epoch"], "time_s": clock, "epoch_s": 1.0,
             "validation_mae_ev": value, "test_mae_ev": value * 1.05, "lr": at["config"]["lr"], "config": dict(at["config"]),
             "parent_trial_id": parent[0], "parent_segment": parent[1], "parent_epoch": parent[2]}
        )  # fmt: skip
        decision = strategy.tell(name, at["epoch"], value, clock)
        event: dict[str, Any] = {
            "e": "result",
            "id": name,
            "seg": at["seg"],
            "epoch": at["epoch"],
            "value": value,
            "d": decision.action,
        }
        if decision.exploit is not None:
            x = decision.exploit
            event["x"] = {"donor": x.donor, "seg": x.segment, "epoch": x.epoch, "config": x.config}
        strategy.applied(event)
        if decision.action in (Action.SAVE, Action.PAUSE):
            saved[name, at["seg"], at["epoch"]] = errors[name]
            strategy.applied({"e": "checkpoint", "id": name, "seg": at["seg"], "epoch": at["epoch"]})
        if decision.exploit is not None:
            x = decision.exploit
            errors[name] = saved[x.donor, x.segment, x.epoch]
            state[name] = {
                "config": x.config,
                "seg": at["seg"] + 1,
                "epoch": x.epoch,
                "parent": (x.donor, x.segment, x.epoch),
            }
        if decision.action not in (Action.STOP, Action.PAUSE):
            running.append(name)
    trials = pd.DataFrame({"trial_id": list(state), "phase": "search"})
    return MadeUpRun(pd.DataFrame(rows), trials)
