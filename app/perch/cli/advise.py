"""`perch advise`: which strategy with which settings, with the reasons."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def advise(
    gpus: Annotated[float, typer.Option(help="GPUs that there will be.")],
    hours: Annotated[float, typer.Option(help="Hours of searching.")],
    study: Annotated[
        str | None, typer.Argument(metavar="[STUDY.yaml]", help="A study file; without one: the embedded study.")
    ] = None,
    record: Annotated[
        list[str] | None,
        typer.Option(help="Recorded curves of this space: then the rehearsal decides. May be repeated."),
    ] = None,
    epoch_s: Annotated[float | None, typer.Option(help="Mean seconds of an epoch there. Default: as recorded.")] = None,
    schedule: Annotated[bool, typer.Option("--schedule", help="A learning-rate schedule is wanted.")] = False,
    seeds: Annotated[int, typer.Option(min=2, help="Rehearsed runs of each candidate.")] = 60,
    beyond: Annotated[
        list[str] | None,
        typer.Option(help="Go beyond the record's epochs, trials or space, which is refused otherwise."),
    ] = None,
) -> int:
    """Advise on a strategy and its settings, by rules or, with a record, by rehearsal; and write the study's fragment."""
    from perch.advise.command import Order
    from perch.advise.command import advise as lines
    from perch.cli.progress import Bar

    order = Order(study, gpus, hours, record or [], epoch_s, schedule, seeds, beyond or [])
    with Bar("rehearsing") as done:
        for line in lines(order, done):
            typer.echo(line)
    return 0
