"""``perch run``: the main job."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def run(
    study: Annotated[
        str | None, typer.Argument(metavar="[STUDY.yaml]", help="A study file; without one: the embedded study.")
    ] = None,
    strategy: Annotated[str | None, typer.Option(help="How the budget is spent: see 'perch strategies'.")] = None,
    trials: Annotated[int | None, typer.Option(help="Number of trials.")] = None,
    time_budget: Annotated[str | None, typer.Option(help="Consumed time: 10m, 8h, 2d.")] = None,
    seed: Annotated[int | None, typer.Option(help="All randomness comes from it.")] = None,
    metric: Annotated[
        str | None, typer.Option(help="What a trial is judged by: a numeric result of the trainable.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Trials at once on this machine (default: as many as its cores or GPUs take)."),
    ] = None,
    gpus: Annotated[float | None, typer.Option(min=0, help="GPUs of one trial; 0.25: four share one; 0: none.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder that holds runs (default: the study's storage).")] = None,
    run_id: Annotated[str | None, typer.Option(help="Start or resume the run of this name: OUT/ID.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Change a value of the study.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the newest unfinished run of this study.")
    ] = False,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Serve the page of 'perch watch' while the run goes on; its address is printed."),
    ] = False,
    allow_changed_data: Annotated[
        bool, typer.Option("--allow-changed-data", help="Go on though the data have changed since the run began.")
    ] = False,
    allow_test_metric: Annotated[
        bool, typer.Option("--allow-test-metric", help="Choose by a metric that is made of test rows.")
    ] = False,
) -> int:
    """Tune a model: structures in, the best model per compute-hour out, with the evidence."""
    began_s = time.monotonic()
    from perch.view.steps import Steps

    steps = Steps()
    steps.say(f"perch run: {study or 'the embedded study'}")
    with steps.step("reading the study"):
        from perch.advise.expected import expected
        from perch.overrides import override
        from perch.runs.last_lines import closing
        from perch.runs.resources import cores_for
        from perch.runs.runner import run_study
        from perch.study import load

        spec = load(
            study,
            override(
                set_, strategy=strategy, trials=trials, time_budget=time_budget, seed=seed, metric=metric, gpus=gpus
            ),
        )
        cpus = None if workers is None else cores_for(spec, workers)
    outcome = run_study(
        spec, out=out, run_id=run_id, resume=resume, began_s=began_s, steps=steps, cpus=cpus, allow_changed_data=allow_changed_data,
        allow_test_metric=allow_test_metric, foretell=expected, watch=watch,
    )  # fmt: skip
    for line in closing(outcome):
        typer.echo(line)
    return outcome.code


def changes_of(words: Sequence[str]) -> list[str]:
    """What a command line of ``perch run`` changes of its study, as ``PATH=VALUE``."""
    import typer.main

    from perch.overrides import override

    given = typer.main.get_command(app).make_context("run", list(words), resilient_parsing=True).params
    named = {key: given[key] for key in ("strategy", "trials", "time_budget", "seed", "metric", "gpus")}
    return override(given["set_"], **named)
