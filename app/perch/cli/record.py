"""`perch record`: full curves of a space-filling set of configurations, to rehearse on."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def record(
    study: Annotated[
        str | None, typer.Argument(metavar="[STUDY.yaml]", help="A study file; without one: the embedded study.")
    ] = None,
    budget: Annotated[str, typer.Option(help="Consumed time: 30m, 8h.")] = "30m",
    trials: Annotated[int | None, typer.Option(help="Trials at most. Default: until the time is up.")] = None,
    repeats: Annotated[int, typer.Option(help="Trainings of each configuration, for the noise between seeds.")] = 1,
    seed: Annotated[int | None, typer.Option(help="All randomness comes from it.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder that holds runs (default: the study's storage).")] = None,
    run_id: Annotated[str | None, typer.Option(help="Start or resume the run of this name: OUT/ID.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Change a value of the study.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the newest unfinished run of this study.")
    ] = False,
    allow_test_metric: Annotated[
        bool, typer.Option("--allow-test-metric", help="Choose by a metric that is made of test rows.")
    ] = False,
) -> int:
    """Train a space-filling set of configurations to the end, for perch rehearse, advise and plan."""
    began_s = time.monotonic()
    from perch.overrides import override
    from perch.rehearse.recording import what_next
    from perch.runs.last_lines import closing
    from perch.runs.runner import run_study
    from perch.study import load

    changes = override(set_, trials=trials, time_budget=budget, seed=seed)
    strategy = json.dumps({"name": "design", "repeats": repeats})
    spec = load(study, [*changes, f"strategy={strategy}", "confirm={top: 0}"])
    outcome = run_study(
        spec, out=out, run_id=run_id, resume=resume, began_s=began_s, allow_test_metric=allow_test_metric
    )
    for line in closing(outcome):
        typer.echo(line)
    if outcome.code == 0:
        for line in what_next(outcome.folder.path):
            typer.echo(line)
    return outcome.code
