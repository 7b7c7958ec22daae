"""What a comparison runs: strategies, seeds, budget, and the order of runs within each block."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from perch import yaml12
from perch.errors import RecordError, StudyError
from perch.space import keyed_rng
from perch.study import Study, dump, parse, read_yaml

IGNORED = ("strategy", "seed", "budget", "confirm", "storage", "log", "base", "versions", "checkpoints", "resources")
"""Keys of the study that a resumed comparison may be given anew, or that each run sets for itself."""


@dataclass(frozen=True)
class Job:
    """One run of the comparison."""

    strategy: str
    seed: int

    @property
    def label(self) -> str:
        """Its folder's name."""
        return f"{self.strategy}-{self.seed}"


@dataclass(frozen=True)
class ComparePlan:
    """``strategies`` are names, with settings of the study behind a plus: ``asha+checkpoints=all``."""

    study: Study
    strategies: tuple[str, ...]
    seeds: tuple[int, ...]
    budget_s: float
    reference: str
    planned: int
    """Blocks planned when the comparison began: the second look never moves later than that."""

    def jobs(self) -> list[Job]:
        """Every run, block by block; within a block in an order that depends on (study's seed, block's seed) alone.

        Random, so that a machine that grows slower over the hours hits all strategies alike.
        """
        out = []
        for seed in self.seeds:
            order = keyed_rng(self.study.seed, "compare-order", seed).permutation(len(self.strategies))
            out += [Job(sorted(self.strategies)[i], seed) for i in order]
        return out

    def study_of(self, job: Job) -> Study:
        """The study of one run: its strategy, its seed, the common budget, nothing confirmed."""
        name, *settings = job.strategy.split("+")
        spec = self.study.model_dump(by_alias=True)
        spec["strategy"] = self.study.strategy if name == self.study.strategy_name else name
        spec.update(seed=job.seed, budget={"time": self.budget_s}, confirm={"top": 0}, log=[])
        for setting in settings:
            key, _, text = setting.partition("=")
            spec[key] = yaml12.load(text)
        return parse(spec, f"the study of {job.label}")


def make_plan(
    study: Study, strategies: Sequence[str], seeds: int, budget_s: float, reference: str | None = None
) -> ComparePlan:
    """Check what is asked for. Raises StudyError before anything starts."""
    from perch.strategies.registry import STRATEGIES

    names = list(dict.fromkeys(s.strip() for s in strategies if s.strip()))
    for name in names:
        STRATEGIES.get(name.split("+")[0])
    if len(names) < 2:
        raise StudyError(
            "a comparison needs two strategies", why=f"it was given {names}", fix="--strategies asha,rs, say"
        )
    if seeds < 1:
        raise StudyError(
            f"--seeds {seeds}", why="a comparison has one block at least", fix="give 1 or more; 10 for a verdict"
        )
    if budget_s <= 0:
        raise StudyError(f"--time-budget {budget_s:g} s", why="every run needs some time", fix="give 10m, say")
    reference = reference or ("rs" if "rs" in names else names[-1])
    if reference not in names:
        raise StudyError(
            f"the reference '{reference}' is not compared",
            why=f"strategies: {', '.join(names)}",
            fix="name one of these",
        )
    plan = ComparePlan(study, tuple(names), tuple(range(study.seed, study.seed + seeds)), budget_s, reference, seeds)
    for name in names:
        _check_settings(plan, name)
    return plan


def _check_settings(plan: ComparePlan, name: str) -> None:
    for setting in name.split("+")[1:]:
        key, separator, _ = setting.partition("=")
        if not separator or key not in Study.model_fields:
            raise StudyError(
                f"'{name}': cannot read '{setting}'",
                why="a variant is written asha+checkpoints=all",
                fix="use a key of the study",
            )
    plan.study_of(Job(name, plan.seeds[0]))


# --- on disk ---------------------------------------------------------------------------------------------------------


def save(plan: ComparePlan, folder: Path) -> None:
    """Write ``study.yaml`` and ``plan.json`` of the comparison."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.yaml").write_text(dump(plan.study), encoding="utf-8")
    content: dict[str, Any] = {
        "strategies": list(plan.strategies), "seeds": list(plan.seeds), "budget_s": plan.budget_s,
        "reference": plan.reference, "planned": plan.planned,
    }  # fmt: skip
    (folder / "plan.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def load_plan(folder: Path) -> ComparePlan:
    """The plan of a comparison's folder."""
    if not (folder / "plan.json").is_file():
        raise RecordError(
            f"'{folder}' is not a comparison",
            why="it holds no plan.json",
            fix="give the folder that perch compare made",
        )
    content = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    study = parse(read_yaml((folder / "study.yaml").read_text(encoding="utf-8"), str(folder / "study.yaml")))
    return ComparePlan(
        study, tuple(content["strategies"]), tuple(content["seeds"]), float(content["budget_s"]),
        str(content["reference"]), int(content["planned"]),
    )  # fmt: skip


def extend(old: ComparePlan, new: ComparePlan) -> ComparePlan:
    """Go on with a comparison: more blocks, more strategies or a larger budget, but the same study."""
    before, now = (p.study.model_dump(by_alias=True) for p in (old, new))
    differing = sorted(k for k in now if k not in IGNORED and before.get(k) != now.get(k))
    if differing:
        raise StudyError(
            "the comparison in this folder is of another study", why=f"these keys differ: {', '.join(differing)}",
            fix="give another --run-id, or the study that it began with",
        )  # fmt: skip
    if new.budget_s < old.budget_s:
        raise StudyError(
            f"--time-budget {new.budget_s:g} s is less than the {old.budget_s:g} s of the runs that exist",
            why="equal resources for all", fix=f"give {old.budget_s:g}s or more",
        )  # fmt: skip
    strategies = tuple(dict.fromkeys([*old.strategies, *new.strategies]))
    seeds = tuple(sorted({*old.seeds, *new.seeds}))
    return ComparePlan(new.study, strategies, seeds, new.budget_s, new.reference, old.planned)


def part_of(plan: ComparePlan, strategies: Sequence[str] | None, reference: str | None) -> ComparePlan:
    """The plan with fewer strategies or another reference, to ask something else of the same runs.

    Raises StudyError for a strategy that the comparison does not hold.
    """
    chosen = tuple(dict.fromkeys(s.strip() for s in strategies)) if strategies is not None else plan.strategies
    unknown = [s for s in {*chosen, *([reference] if reference else [])} if s not in plan.strategies]
    if unknown:
        raise StudyError(
            f"the comparison has no {', '.join(sorted(unknown))}", why=f"it holds {', '.join(plan.strategies)}",
            fix="name some of these",
        )  # fmt: skip
    kept = reference or (plan.reference if plan.reference in chosen else chosen[-1])
    if kept not in chosen or len(chosen) < 2:
        raise StudyError(
            "there is nothing to compare", why=f"strategies {', '.join(chosen)}, reference {kept}",
            fix="name two strategies or more, the reference among them",
        )  # fmt: skip
    return replace(plan, strategies=chosen, reference=kept)
