"""While a run goes on: how far its rungs can be trusted, and whether another setting would do better.

``python -m perch.rehearse.during RUN`` looks once, writes ``RUN/advice.json`` and ends. It reads tables and nothing else, and the
run does not wait for it. Its curves are the run's own full ones (stopped trials weighed back, audited ones included) and those
of earlier runs of the same space in the same folder.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from perch.atomic import replacing
from perch.compare.figures.rungs import levels
from perch.compare.statistics.early import RungCorrelation, rung_correlations
from perch.errors import PerchError, RecordError
from perch.log.folder import RunFolder
from perch.record import Run, load
from perch.record.earlier import of_the_same_space
from perch.rehearse.answers import Gain, mean_of, record_half
from perch.rehearse.many import rehearse_all
from perch.rehearse.run import Setting
from perch.rehearse.tables.reader import read
from perch.rehearse.tables.table import FEWEST_CURVES, Table
from perch.rehearse.variants import Variant, as_recorded, read_variant
from perch.strategies.registry import STRATEGIES

BLIND: Final = 0.3
"""A rung whose rank correlation with the end lies below this, interval and all, is nearly blind."""
MOST_RUNS: Final = 12
"""Earlier runs whose curves are read."""
MOST_EPOCHS: Final = 300_000
"""Simulated epochs of one look, all strategies and seeds together: some ten seconds."""
SEEDS: Final = (8, 30)
"""Fewest rehearsed runs from which anything is said, and most."""


def look(folder: RunFolder) -> dict[str, Any] | None:
    """What can be said now; None while there are too few full curves. Raises RecordError for what cannot be read."""
    run = load(folder.path)
    table, sources = curves_so_far(run)
    if len(table.full) < FEWEST_CURVES:
        return None
    reliability = rungs_of(table, run)
    blind = [c.rung for c in reliability if c.high < BLIND]
    found = {
        "curves": len(table.full), "effective_size": table.effective_size, "from": sources, "epochs": table.epochs,
        "rank_correlation": [c.as_dict() for c in reliability], "blind": blind, "better": None,
    }  # fmt: skip
    shown = ", ".join(f"epoch {c.rung} {c.correlation:.2f} [{c.low:.2f}, {c.high:.2f}]" for c in reliability)
    says = [f"rank correlation with epoch {table.epochs}, over {len(table.full)} full curves: {shown}"]
    if blind:
        named = " and ".join(str(e) for e in blind)
        rungs = f"the rungs at epochs {named} are" if len(blind) > 1 else f"the rung at epoch {named} is"
        says.append(f"{rungs} nearly blind: the order there says next to nothing about the end")
        found["better"], sentence = another_setting(table, run, blind)
        says.append(sentence)
    return {**found, "says": says}


def curves_so_far(run: Run) -> tuple[Table, list[str]]:
    """The table of this run and of earlier ones of the same space, and the names of their folders."""
    here = run.folder.resolve()
    earlier = [r.folder for r in of_the_same_space(run.study, run.folder.parent, 5.0) if r.folder.resolve() != here]
    folders = [run.folder, *earlier[: MOST_RUNS - 1]]
    try:
        return read([str(f) for f in folders]), [f.name for f in folders]
    except RecordError:  # one of the earlier ones is not whole, or is none to draw from
        return read([str(run.folder)]), [run.folder.name]


def rungs_of(table: Table, run: Run) -> list[RungCorrelation]:
    """Rank correlation with the last epoch at the epochs where this run has judged trials, else at the usual ones."""
    judged = run.trials["rung"].dropna().astype(int) if "rung" in run.trials else pd.Series(dtype=int)
    epochs = sorted({int(e) for e in judged if 0 < e < table.epochs}) or levels(table.epochs)[:-1]
    values = pd.DataFrame(table.values[table.full], columns=range(1, table.epochs + 1))
    return rung_correlations(values, epochs, table.weights[table.full])


def another_setting(table: Table, run: Run, blind: Sequence[int]) -> tuple[dict[str, Any] | None, str]:
    """The setting that a short rehearsal of this run's budget finds better, if it finds one, and the sentence."""
    asked = candidates(run, table.epochs, blind)
    if len(asked) < 2 or as_recorded(asked[0], table) is not asked[0]:
        return None, "whether another setting would do better cannot be rehearsed for this strategy"
    setting = setting_of(table, run)
    epochs = setting.workers * setting.time_s / max(table.epoch_s + table.recorded.report_s, 1e-9)
    seeds = min(int(MOST_EPOCHS / (epochs * len(asked))), SEEDS[1])
    if seeds < SEEDS[0]:
        return (
            None,
            f"its budget is too large to be rehearsed while it goes on: perch rehearse {run.folder.name} does it",
        )
    runs = rehearse_all(table, asked, range(seeds), setting, processes=1)
    worst = float(np.nanmax(table.values[table.usable]))
    ends = {label: np.array([min(r.incumbent.best, worst) for r in found]) for label, found in runs.items()}
    trials = {label: float(np.mean([r.trials for r in found])) for label, found in runs.items()}
    mine = asked[0].label
    best = min((v.label for v in asked), key=lambda s: float(ends[s].mean()))
    if best == mine:
        return None, f"a rehearsal of this budget on these curves finds no better setting ({', '.join(trials)})"
    difference = ends[mine] - ends[best]
    record = record_half(difference, max(trials[mine], trials[best]), table.effective_size)
    gain = Gain(best, mine, mean_of(difference), record)
    interval = f"{gain.mean.value:.3g} [{gain.mean.low:.3g}, {gain.mean.high:.3g}]"
    if gain.verdict != "better":
        return None, f"a rehearsal of this budget prefers {best} by {interval} in {table.metric}, but {gain.verdict}"
    better = {"strategy": best, "gain": gain.mean.value, "low": gain.mean.low, "high": gain.mean.high, "record": record}
    return (
        better,
        f"{best} would be better by {interval} ± {record:.3g} in {table.metric} at this budget's end (rehearsed)",
    )


def candidates(run: Run, epochs: int, blind: Sequence[int]) -> list[Variant]:
    """The run's strategy first, then with later first rungs, and random search. A searcher's proposals become random ones."""
    study = run.study
    spec: dict[str, Any] = {"name": study.strategy} if isinstance(study.strategy, str) else dict(study.strategy)
    entry = STRATEGIES.get(spec["name"])
    if entry.algorithm_keys_only or "grace_period" not in entry.settings.model_fields or "k" in spec:
        return []
    kept: dict[str, Any] = {k: spec[k] for k in ("grace_period", "reduction_factor") if k in spec}
    base = spec if entry.searcher == "random" else {"name": "asha", **kept}
    eta = int(base.get("reduction_factor", 3))
    later = [e for e in _powers(int(base.get("grace_period", 1)), eta, epochs) if e > blind[0]]
    changed = [{**base, "grace_period": e} for e in later]
    return [read_variant(s) for s in (base, *changed, {"name": "rs"})]


def _powers(first: int, eta: int, epochs: int) -> list[int]:
    """Rungs from ``first`` on that leave at least one after them."""
    out = [first]
    while out[-1] * eta * eta <= epochs:
        out.append(out[-1] * eta)
    return out


def setting_of(table: Table, run: Run) -> Setting:
    """The run's workers and what its budget lasts, at its pace so far where that is a number of trials."""
    summary, budget = run.summary, run.study.budget
    wall_s, begun = float(summary["wall_s"]), max(int(summary["trials"]), 1)
    by_trials_s = wall_s * budget.trials / begun if budget.trials is not None else float("inf")
    workers = max(1, round(float(summary["worker_seconds"]) / wall_s)) if wall_s else 1
    time_s = min(by_trials_s, budget.time if budget.time is not None else float("inf"))
    return Setting(workers, time_s, table.recorded.delays)


def main() -> None:
    """Look once at the run named on the command line; end at once when standard input ends."""
    os.nice(19)
    threading.Thread(target=_end_with_the_run, daemon=True).start()
    folder = RunFolder(Path(sys.argv[1]))
    if not (folder.summary.is_file() and folder.curves.is_file()):  # the writer has not written yet
        return
    try:
        found = look(folder)
    except PerchError as error:
        print(f"{error.what}: {error.why}", file=sys.stderr)
        sys.exit(1)
    if found is not None:
        with replacing(folder.advice) as path:
            path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _end_with_the_run() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
