"""`perch rehearse`: a comparison in simulated time, on recorded learning curves."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def rehearse(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="RECORD... [KEY=A,B]...",
            help="A run, a comparison's folder, or a table (FILE or FILE:TASK); then more settings to sweep.",
        ),
    ],
    strategies: Annotated[
        str, typer.Option(help="Rehearsed strategies; settings are written asha+grace_period=3.")
    ] = "rs,ahb,asha",
    sweep: Annotated[
        list[str] | None, typer.Option(metavar="KEY=A,B", help="Values of a setting; all combinations.")
    ] = None,
    gpus: Annotated[float | None, typer.Option(help="GPUs, one trial each unless the record says otherwise.")] = None,
    hours: Annotated[float | None, typer.Option(help="Consumed time in hours.")] = None,
    workers: Annotated[int | None, typer.Option(help="Trials side by side. Default: as recorded.")] = None,
    time_budget: Annotated[str | None, typer.Option(help="Consumed time: 90s, 10m, 8h. Default: as recorded.")] = None,
    seeds: Annotated[int, typer.Option(help="Rehearsed runs of each strategy.")] = 100,
    seed: Annotated[int, typer.Option(help="The first seed; equal seeds give equal logs.")] = 0,
    epochs: Annotated[int | None, typer.Option(help="Epochs of a full training. Default: as recorded.")] = None,
    epoch_s: Annotated[float | None, typer.Option(help="Mean seconds of an epoch. Default: as recorded.")] = None,
    reference: Annotated[str | None, typer.Option(help="Compared with. Default: rs, else the first.")] = None,
    surrogate: Annotated[
        bool, typer.Option("--surrogate", help="Let unseen configurations do as recorded neighbours did.")
    ] = False,
    delays: Annotated[bool, typer.Option(help="Starts and reports take the recorded time.")] = True,
    beyond: Annotated[
        list[str] | None,
        typer.Option(help="Go beyond the record's epochs, trials or space, which is refused otherwise."),
    ] = None,
    study: Annotated[str | None, typer.Option(help="Check that the record is of this study's space.")] = None,
    lost_every: Annotated[
        str | None, typer.Option(help="A worker is lost after so long, on average: 24h. Default: never.")
    ] = None,
    back_after: Annotated[str, typer.Option(help="Until another worker stands in for a lost one.")] = "10m",
    walltime: Annotated[str | None, typer.Option(help="Jobs end after so long, and are queued again: 4h.")] = None,
    warning: Annotated[str, typer.Option(help="Before its walltime a job is told to leave.")] = "5m",
    processes: Annotated[int | None, typer.Option(help="Processes. Default: all cores.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for rehearsals.")] = Path("results"),
    run_id: Annotated[str | None, typer.Option(help="Name of this rehearsal's folder.")] = None,
    export: Annotated[
        Path | None, typer.Option(help="Write the record there as a blackbox of Syne Tune, and rehearse nothing.")
    ] = None,
) -> int:
    """Rehearse a study on recorded curves: which strategy, how many workers, how long; before an hour is spent."""
    from perch.cli.progress import Bar
    from perch.rehearse.command import Order, rehearse_command

    records = [w for w in what if "=" not in w or Path(w).exists()]
    swept = [*(sweep or []), *(w for w in what if w not in records)]
    if export is not None:
        from perch.rehearse.tables.export import export_command

        for line in export_command(records, export, epochs, epoch_s):
            typer.echo(line)
        return 0
    order = Order(
        records, strategies.split(","), swept, gpus, hours, workers, time_budget, seeds, seed, epochs, epoch_s, reference,
        surrogate, delays, beyond or [], study, processes, lost_every, back_after, walltime, warning,
    )  # fmt: skip
    folder = out / (run_id or f"rehearsal-{time.strftime('%Y%m%d-%H%M%S')}")
    with Bar("rehearsing") as done:
        return rehearse_command(order, folder, typer.echo, done)
