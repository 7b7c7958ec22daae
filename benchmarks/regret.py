"""Does Bayesian optimisation find more than random search? Regret on three surfaces, plain and as learning curves.

    nice -n 15 python benchmarks/regret.py run --seeds 20        # resumable: what results/regret.jsonl holds is not run again
    python benchmarks/regret.py report                           # table and figure of docs/bayesian.md

60 evaluations, 8 workers on a virtual clock whose trials last between half and twice a mean second. Every method starts
from the same seed; differences of log10(regret) are paired by seed. ``2x random`` has twice the trials.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from perch.simulate import Curves, simulate
from perch.space import Space, keyed_uniforms, parse_space
from perch.strategies.plan import Plan
from perch.strategies.registry import build, read_settings
from perch.strategies.searchers.dragonfly import dragonfly_search
from perch.suggesting.dragonfly import DragonflyProcess

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "regret.jsonl"
FIGURE = HERE.parent / "docs" / "figures" / "regret.svg"
PAGE = HERE.parent / "docs" / "bayesian.md"
EVALUATIONS, WORKERS, EPOCHS = 60, 8, 27
FLOOR = 1e-6
"""Regrets below count as this much: the logarithm of zero is not wanted."""


# --- surfaces --------------------------------------------------------------------------------------------------------


def branin(c: Mapping[str, Any]) -> float:
    """Branin (Dixon & Szegö 1978), its second variable a whole number."""
    x, y = c["x"], c["n"]
    return float(
        (y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6) ** 2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10
    )


A = [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
P = [
    [1312, 1696, 5569, 124, 8283, 5886],
    [2329, 4135, 8307, 3736, 1004, 9991],
    [2348, 1451, 3522, 2883, 3047, 6650],
    [4047, 8828, 8732, 5743, 1091, 381],
]


def hartmann(c: Mapping[str, Any]) -> float:
    """Hartmann 6 (1973): one global and five local minima."""
    x = [c[f"x{i}"] for i in range(6)]
    inner = [sum(a * (u - p / 1e4) ** 2 for a, u, p in zip(A[i], x, P[i], strict=True)) for i in range(4)]
    return -sum(w * math.exp(-s) for w, s in zip((1.0, 1.2, 3.0, 3.2), inner, strict=True))


def egg_carton(c: Mapping[str, Any]) -> float:
    """Ten hollows along each of four axes, all nearly as deep: no optimum that a smooth model could lead to."""
    return sum(_egg(c[f"x{i}"]) for i in range(4)) / 4


def _egg(u: float) -> float:
    """One axis. Shifted, so that no hollow lies on the edge, where many searchers look first whatever the surface."""
    return math.sin(10 * math.pi * (u - 0.037)) ** 2 + 0.2 * (u - 0.35) ** 2


@dataclass(frozen=True)
class Surface:
    """A function to minimise; ``scale`` is what a learning curve starts above its end."""

    function: Callable[[Mapping[str, Any]], float]
    space: Space
    best: float
    scale: float


def _unit(n: int) -> dict[str, Any]:
    return {f"x{i}": {"float": [0.0, 1.0]} for i in range(n)}


def _branin_best() -> float:
    return min(branin({"x": -5 + 15 * k / 30000, "n": n}) for n in range(16) for k in range(30001))


def _egg_best() -> float:
    return min(_egg(k / 100000) for k in range(100001))


def surfaces() -> dict[str, Surface]:
    """The three, with their optima by fine grids (Hartmann's from the literature)."""
    return {
        "branin-int": Surface(
            branin, parse_space({"x": {"float": [-5.0, 10.0]}, "n": {"int": [0, 15]}}), _branin_best(), 50.0
        ),
        "hartmann6": Surface(hartmann, parse_space(_unit(6)), -3.32237, 1.0),
        "egg-carton": Surface(egg_carton, parse_space(_unit(4)), _egg_best(), 0.5),
    }


@dataclass(frozen=True)
class Surfaced(Curves):
    """The surface as what a trial reaches: at once, or after a curve whose rate differs from trial to trial."""

    surface: Surface
    seed: int
    curved: bool

    def value(self, config: Mapping[str, Any], trial: str, epoch: int) -> float:
        """The value after ``epoch``; a curve ends at the surface."""
        end = self.surface.function(config)
        if not self.curved:
            return end
        rate = 0.5 + next(keyed_uniforms(self.seed, "rate", trial))
        return end + self.surface.scale * (epoch**-rate - EPOCHS**-rate)

    def seconds(self, config: Mapping[str, Any], trial: str, epoch: int) -> float:
        """Half to twice a second, the same for all epochs of a trial."""
        return float(2 ** (2 * next(keyed_uniforms(self.seed, "seconds", trial)) - 1))


# --- methods ---------------------------------------------------------------------------------------------------------

PLAIN: dict[str, dict[str, Any]] = {
    "random": {"name": "rs"},
    "2x random": {"name": "rs"},
    "dragonfly": {"name": "bo"},
    "stock dragonfly": {"name": "bo", "stock": True},
    "gp": {"name": "gp"},
    "tpe": {"name": "tpe"},
}
CURVED: dict[str, dict[str, Any]] = {
    "random": {"name": "asha"},
    "2x random": {"name": "asha"},
    "dragonfly": {"name": "asha-bo", "told": "rung"},
    "dragonfly, told: last": {"name": "asha-bo", "told": "last"},
    "stock dragonfly": {"name": "asha-bo", "stock": True, "told": "last"},
    "gp": {"name": "asha-gp", "told": "rung"},
    "gp, told: last": {"name": "asha-gp", "told": "last"},
    "tpe": {"name": "asha-tpe"},
}
FORMS = {"plain": PLAIN, "curve": CURVED}


def one(surface: Surface, form: str, method: str, seed: int, process: DragonflyProcess) -> list[float]:
    """Regret of the incumbent after each trial that ended: its value on the surface, less the optimum."""
    spec = FORMS[form][method]
    trials = EVALUATIONS * (2 if method.startswith("2x") else 1)
    plan = Plan(surface.space, EPOCHS if form == "curve" else 1, trials, seed=seed, workers=WORKERS)
    _, settings = read_settings(spec)
    searcher = None
    if "stock" in type(settings).model_fields:
        process.reopen(surface.space, seed, stock=settings.stock, fast=True)
        searcher = dragonfly_search(plan, settings, process)
    strategy = build(spec, plan, searcher)
    configs: dict[str, Any] = {}
    best, reported, out = math.inf, math.inf, []
    for event in simulate(strategy, Surfaced(surface, seed, form == "curve"), workers=WORKERS):
        if event["e"] == "trial":
            configs[event["id"]] = event["config"]
        elif event["e"] == "result":
            if event["value"] < reported:
                reported, best = event["value"], surface.function(configs[event["id"]])
            if event["d"] == "stop":
                out.append(round(best - surface.best, 9))
    return out


def run(seeds: int, only: list[str]) -> None:
    """Every missing combination, seed by seed, appended to the results as it is there."""
    RESULTS.parent.mkdir(exist_ok=True)
    done = {key(r) for r in records()}
    process = DragonflyProcess(parse_space(_unit(1)), 0, wait=True)
    named = surfaces()
    for seed in range(seeds):
        for name, surface in named.items():
            for form, methods in FORMS.items():
                for method in methods:
                    if (name, form, method, seed) in done or (only and method not in only):
                        continue
                    begun = time.perf_counter()
                    regrets = one(surface, form, method, seed, process)
                    record = {"surface": name, "form": form, "method": method, "seed": seed, "regret": regrets}
                    record["wall_s"] = round(time.perf_counter() - begun, 1)
                    with RESULTS.open("a") as file:
                        file.write(json.dumps(record) + "\n")
                    print(name, form, method, seed, regrets[-1], record["wall_s"], "s", flush=True)
    process.close()


def records() -> Iterator[dict[str, Any]]:
    """What the results file holds."""
    if RESULTS.exists():
        for line in RESULTS.read_text().splitlines():
            yield json.loads(line)


def key(record: Mapping[str, Any]) -> tuple[str, str, str, int]:
    """Names a run."""
    return record["surface"], record["form"], record["method"], record["seed"]


# --- report ----------------------------------------------------------------------------------------------------------


def log_regret(value: float) -> float:
    """log10, floored."""
    return math.log10(max(value, FLOOR))


def interval(differences: list[float]) -> tuple[float, float]:
    """Mean and half width of its 95 % interval (Student's t)."""
    from scipy.stats import t

    n = len(differences)
    if n < 2:
        return differences[0], math.inf
    half = float(t.ppf(0.975, n - 1)) * statistics.stdev(differences) / math.sqrt(n)
    return statistics.mean(differences), half


def complete() -> tuple[dict[tuple[str, str, str], dict[int, list[float]]], list[int]]:
    """Regrets by (surface, form, method) and seed, over the seeds that every combination has."""
    found: dict[tuple[str, str, str], dict[int, list[float]]] = {}
    for r in records():
        found.setdefault((r["surface"], r["form"], r["method"]), {})[r["seed"]] = r["regret"]
    wanted = [(s, f, m) for s in surfaces() for f, methods in FORMS.items() for m in methods]
    seeds = sorted(set.intersection(*(set(found.get(w, {})) for w in wanted)))
    return found, seeds


def table(found: dict[tuple[str, str, str], dict[int, list[float]]], seeds: list[int]) -> str:
    """Mean log10 regret, and the paired differences from random search and from twice the random trials."""
    lines = [
        "| surface | form | method | log10 regret | against random | against 2× random |",
        "|---|---|---|---|---|---|",
    ]
    for surface in surfaces():
        for form, methods in FORMS.items():
            ends = {m: [log_regret(found[surface, form, m][s][-1]) for s in seeds] for m in methods}
            for method in methods:
                cells = [f"{statistics.mean(ends[method]):.2f}"]
                for base in ("random", "2x random"):
                    if method in ("random", base):
                        cells.append("")
                        continue
                    mean, half = interval([a - b for a, b in zip(ends[method], ends[base], strict=True)])
                    clear = "**" if abs(mean) > half else ""
                    cells.append(f"{clear}{mean:+.2f} ± {half:.2f}{clear}")
                lines.append(f"| {surface} | {form} | {method} | {' | '.join(cells)} |")
    return "\n".join(lines)


def rules(found: dict[tuple[str, str, str], dict[int, list[float]]], seeds: list[int]) -> str:
    """``told: rung`` against ``told: last``, paired, in one sentence."""
    cells = []
    for surface in surfaces():
        for method in ("dragonfly", "gp"):
            mine, other = (found[surface, "curve", name] for name in (method, f"{method}, told: last"))
            mean, half = interval([log_regret(mine[s][-1]) - log_regret(other[s][-1]) for s in seeds])
            cells.append(f"{surface} {method} {mean:+.2f} ± {half:.2f}")
    return f"`told: rung` less `told: last`, paired by seed: {'; '.join(cells)}."


def figure(found: dict[tuple[str, str, str], dict[int, list[float]]], seeds: list[int]) -> None:
    """Mean log10 regret over trials, one panel for each surface and form."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams.update({"svg.hashsalt": "perch", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    import matplotlib.pyplot as plt

    colours = {"random": "#888888", "2x random": "#bbbbbb", "dragonfly": "#0072b2", "stock dragonfly": "#d55e00"}
    colours |= {"gp": "#009e73", "tpe": "#cc79a7"}
    shown, axes = plt.subplots(2, 3, figsize=(10, 5.6), sharex=True, layout="constrained")
    for column, surface in enumerate(surfaces()):
        for row, form in enumerate(FORMS):
            axis = axes[row][column]
            for method, colour in colours.items():
                curves = [found[surface, form, method][s] for s in seeds]
                step = 2 if method.startswith("2x") else 1
                length = min(len(c) for c in curves) // step
                mean = [statistics.mean(log_regret(c[(k + 1) * step - 1]) for c in curves) for k in range(length)]
                axis.plot(range(1, length + 1), mean, color=colour, label=method, lw=1.6)
            axis.set_title(f"{surface}, {form}", fontsize=9)
    for axis in axes[:, 0]:
        axis.set_ylabel("mean log10 regret")
    for axis in axes[1]:
        axis.set_xlabel("trials (2x random: pairs)")
    axes[0][0].legend(frameon=False, fontsize=8)
    FIGURE.parent.mkdir(parents=True, exist_ok=True)
    shown.savefig(FIGURE, metadata={"Date": None})


def report() -> None:
    """Write table and figure into the page, between its two marks."""
    found, seeds = complete()
    if not seeds:
        sys.exit("no seed is complete yet: run 'python benchmarks/regret.py run' first")
    figure(found, seeds)
    note = (
        f"{len(seeds)} seeds, {EVALUATIONS} evaluations, {WORKERS} workers; two cores of an x86-64 {platform.system()} "
        f"machine, {date.today().isoformat()}; `python benchmarks/regret.py run --seeds {len(seeds)}`. "
        "Differences of log10(regret) with their 95 % interval, paired by seed; below zero is better, bold where zero lies outside."
    )
    text = PAGE.read_text()
    head, rest = text.split("<!-- regret -->", 1)
    _, tail = rest.split("<!-- /regret -->", 1)
    shown = "![Mean log10 regret over trials for three surfaces, plain and as learning curves](figures/regret.svg)"
    PAGE.write_text(
        f"{head}<!-- regret -->\n{note}\n\n{table(found, seeds)}\n\n{rules(found, seeds)}\n\n{shown}\n<!-- /regret -->{tail}"
    )
    print(table(found, seeds))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("do", choices=["run", "report"])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--only", nargs="*", default=[], help="methods")
    given = parser.parse_args()
    if given.do == "run":
        run(given.seeds, given.only)
    else:
        report()


if __name__ == "__main__":
    main()
