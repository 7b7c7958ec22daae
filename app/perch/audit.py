"""Was early stopping safe in this run? A random sample of its stopped trials, trained to the end and weighted back.

Trials are drawn within strata, the rungs at which they were stopped, and each stands for the trials of its stratum. Trials
that the run itself completed stand for themselves. Training is repeated from the start with the trial's own randomness, so
on the CPU the repeated epochs equal those that the run saw.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from perch.compare.statistics.early import RungCorrelation, full_curves, rung_correlations
from perch.errors import RecordError, StudyError
from perch.record.protocol import Record
from perch.record.search import search_trials
from perch.space import keyed_rng

AT_ONCE: Final = 8
"""Trials trained between two writes of the result: what an interruption can cost."""


@dataclass(frozen=True)
class Sample:
    """Stopped trials to be trained to the end: ids by stratum (epochs at the stop), and how many each stratum holds."""

    chosen: Mapping[int, list[str]]
    sizes: Mapping[int, int]

    @property
    def trials(self) -> list[str]:
        """All chosen ids."""
        return [name for names in self.chosen.values() for name in names]

    def weight(self, stratum: int) -> float:
        """Trials of the stratum that each chosen one stands for."""
        return self.sizes[stratum] / len(self.chosen[stratum])


def draw_sample(trials: pd.DataFrame, size: int, seed: int) -> Sample:
    """About ``size`` trials, at least two of each stratum, else in proportion to its size; a function of the seed."""
    stopped = trials[trials["status"] == "stopped"]
    groups = {int(str(e)): sorted(g["trial_id"]) for e, g in stopped.groupby("epochs")}
    total = sum(len(names) for names in groups.values())
    chosen: dict[int, list[str]] = {}
    for epochs, names in sorted(groups.items()):
        wanted = min(len(names), max(2, round(size * len(names) / total)))
        order = keyed_rng(seed, "audit", epochs).permutation(len(names))
        chosen[epochs] = [names[i] for i in sorted(order[:wanted])]
    return Sample(chosen, {epochs: len(names) for epochs, names in groups.items()})


def audit(run: Record, size: int, out: Path, say: Callable[[str], None]) -> list[str]:
    """Train the sample (what a former call trained is kept), write audit.json, and return the lines to print."""
    study, trials = run.study, search_trials(run)
    if size < 1:
        raise StudyError(f"--sample {size}", why="nothing would be trained", fix="give 10 or more")
    if trials.empty or not (trials["status"] == "stopped").any():
        raise RecordError(
            f"no trial of '{run.folder}' was stopped early", why=f"its strategy is '{run.summary['strategy']}'",
            fix="audit a run of asha or ahb; a run of rs needs no audit, its curves are full",
        )  # fmt: skip
    sample = draw_sample(trials, size, study.seed)
    curves = _trained(run, sample, out, say)
    sign = -1.0 if study.mode == "max" else 1.0
    values, weights, strata = assemble(run.curves, trials, sample, curves, study.metric, study.epochs, sign)
    rungs = sorted({int(e) for e in sample.sizes})
    found = rung_correlations(values, rungs, weights, strata, study.seed)
    completed = full_curves(run.curves[run.curves["trial_id"].isin(trials["trial_id"])], study.metric, study.epochs)
    survivors = rung_correlations(sign * completed, rungs, seed=study.seed)
    missed = _missed(values, strata, study.epochs)
    content = {
        "run": run.folder.name,
        "sampled": {str(e): len(n) for e, n in sample.chosen.items()},
        "stopped": {str(e): n for e, n in sample.sizes.items()},
        "rank_correlation": [c.as_dict() for c in found],
        "survivors_only": [c.as_dict() for c in survivors],
        "missed": missed,
    }
    (out / "audit.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return [*_lines(found, survivors, sample, study.epochs, missed), f"written: {out}/audit.json"]


def assemble(
    curves: pd.DataFrame,
    trials: pd.DataFrame,
    sample: Sample,
    trained: Mapping[str, list[float]],
    metric: str,
    epochs: int,
    sign: float = 1.0,
) -> tuple[pd.DataFrame, np.ndarray[Any, np.dtype[np.float64]], np.ndarray[Any, np.dtype[np.int64]]]:
    """Full curves of completed and of audited trials (lower is better), what each stands for, its stratum (0: completed).

    A sampled trial that diverged on the way ranks last: its missing values count as the worst seen.
    """
    completed = full_curves(curves[curves["trial_id"].isin(trials["trial_id"])], metric, epochs)
    columns = range(1, epochs + 1)
    rows = {name: completed.loc[name].reindex(columns).to_numpy(dtype=float) for name in completed.index}
    strata = dict.fromkeys(rows, 0)
    weights = dict.fromkeys(rows, 1.0)
    for stratum, names in sample.chosen.items():
        for name in names:
            curve = np.asarray(trained[name][:epochs], dtype=float)
            rows[name] = np.concatenate([curve, np.full(epochs - len(curve), np.nan)])
            strata[name], weights[name] = stratum, sample.weight(stratum)
    values = pd.DataFrame.from_dict(rows, orient="index", columns=list(columns))
    values = sign * values
    values = values.fillna(float(np.nanmax(values.to_numpy())))
    names = list(values.index)
    return values, np.array([weights[n] for n in names]), np.array([strata[n] for n in names])


def _trained(run: Record, sample: Sample, out: Path, say: Callable[[str], None]) -> dict[str, list[float]]:
    from perch.schedule.retrain import train_curves

    out.mkdir(parents=True, exist_ok=True)
    path = out / "curves.json"
    known: dict[str, list[float]] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    configs = {str(k): v for k, v in zip(run.trials["trial_id"], run.trials["config"], strict=True)}
    waiting = [name for name in sample.trials if name not in known]
    metric = run.study.metric
    for start in range(0, len(waiting), AT_ONCE):
        names = waiting[start : start + AT_ONCE]
        curves = train_curves(
            run.study, [_plain(configs[n]) for n in names], names, run.study.epochs, run.folder.parent / ".cache"
        )
        known.update({n: [float(row[metric]) for row in curve] for n, curve in zip(names, curves, strict=True)})
        partial = path.with_suffix(".part")
        partial.write_text(json.dumps(known), encoding="utf-8")
        partial.replace(path)
        say(f"trained {start + len(names)} of {len(waiting)} stopped trials to epoch {run.study.epochs}")
    return known


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """Without keys that only other trials have, numpy's numbers as Python's."""
    return {k: v.item() if isinstance(v, np.generic) else v for k, v in config.items() if v is not None}


def _missed(values: pd.DataFrame, strata: np.ndarray[Any, Any], epochs: int) -> dict[str, float]:
    """The best value at any epoch of completed and of audited trials: was something good thrown away?"""
    best = values[list(range(1, epochs + 1))].min(axis=1).to_numpy()
    out = {"best_stopped": float(best[strata > 0].min())}
    if (strata == 0).any():
        out["best_completed"] = float(best[strata == 0].min())
    return out


def _lines(
    found: list[RungCorrelation],
    survivors: list[RungCorrelation],
    sample: Sample,
    epochs: int,
    missed: Mapping[str, float],
) -> list[str]:
    counts = ", ".join(f"{len(n)} of {sample.sizes[e]} stopped at epoch {e}" for e, n in sample.chosen.items())
    out = [f"audited: {counts}"]
    misled = {c.rung: c.correlation for c in survivors}
    for c in found:
        alone = f"; survivors alone would say {misled[c.rung]:.2f}" if c.rung in misled else ""
        out.append(
            f"epoch {c.rung}: rank correlation with epoch {epochs}: {c.correlation:.2f} [{c.low:.2f}, {c.high:.2f}]{alone}"
        )
    if not found:
        out.append("too few full curves for a correlation: audit more with --sample")
    if "best_completed" in missed:
        out.append(
            f"best of the sampled stopped trials {missed['best_stopped']:.4g}, of the completed ones {missed['best_completed']:.4g}"
        )
    return out
