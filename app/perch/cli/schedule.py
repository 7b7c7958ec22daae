"""`perch schedule`: what a PBT run's best was trained with, as a schedule, and whether it is worth having."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def schedule(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a PBT run.")],
    out: Annotated[Path | None, typer.Option(help="Folder for the schedule's files (default: RUN/schedule).")] = None,
    validate: Annotated[
        int,
        typer.Option(
            help="Re-train N fresh seeds beside constant and cosine rates tuned at the population's cost; 0: do not."
        ),
    ] = 0,
) -> int:
    """Turn the best lineage of a PBT run into a learning-rate schedule: JSON, PyTorch code, YAML and a figure."""
    from perch.record import load
    from perch.schedule.command import make_schedule, validate_schedule

    record = load(run)
    folder = out or record.folder / "schedule"
    for line in make_schedule(record, folder):
        typer.echo(line)
    if validate:
        for line in validate_schedule(record, folder, validate, typer.echo):
            typer.echo(line)
    return 0
