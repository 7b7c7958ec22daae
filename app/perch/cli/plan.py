"""`perch plan`: what a budget buys, before anything is queued."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def plan(
    gpus: Annotated[float, typer.Option(help="GPUs that there will be.")],
    hours: Annotated[float, typer.Option(help="Hours in all, confirmation included.")],
    study: Annotated[
        str | None, typer.Argument(metavar="[STUDY.yaml]", help="A study file; without one: the embedded study.")
    ] = None,
    record: Annotated[list[str] | None, typer.Option(help="Recorded curves of this space. May be repeated.")] = None,
    epoch_s: Annotated[
        float | None, typer.Option(help="Mean seconds of an epoch there: then nothing is probed.")
    ] = None,
    probe: Annotated[str, typer.Option(help="Without a record: train a few configurations for this long.")] = "1m",
    walltime: Annotated[str | None, typer.Option(help="The longest that one job may last: 4h.")] = None,
    price: Annotated[float | None, typer.Option(help="Price of a GPU-hour, in any currency.")] = None,
    seeds: Annotated[int, typer.Option(min=2, help="Rehearsed runs.")] = 40,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Change a value of the study.")
    ] = None,
    beyond: Annotated[
        list[str] | None,
        typer.Option(help="Go beyond the record's epochs, trials or space, which is refused otherwise."),
    ] = None,
) -> int:
    """Say what a budget buys: trials per rung, full trainings, GPU-hours, disk, requeues, chance of finishing, cost."""
    from perch.advise.planning import Order, plan_command
    from perch.cli.progress import Bar

    order = Order(study, gpus, hours, record or [], epoch_s, probe, walltime, price, set_ or [], seeds, beyond or [])
    with Bar("rehearsing") as done:
        for line in plan_command(order, done):
            typer.echo(line)
    return 0
