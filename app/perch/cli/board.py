"""``perch board``: TensorBoard on a run."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def board(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run, finished or going on.")],
    host: Annotated[
        str, typer.Option(help="Address to listen on; the default is reachable from this machine alone.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes any free one.")] = 0,
    secret: Annotated[
        bool, typer.Option(help="Put the pages under a random path, for machines with other users.")
    ] = True,
    top: Annotated[int | None, typer.Option(min=1, help="Show the best trials only, as many as this.")] = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Write tensorboard/ anew from the log first.")] = False,
) -> None:
    """Open TensorBoard on a run: scalars of every trial, HParams, the incumbent and PBT's winning lineage."""
    from urllib.parse import quote

    from perch.boards.serve import serve
    from perch.boards.source import logdir, runs_filter

    address = serve(logdir(run, top=top, rebuild=rebuild), host=host, port=port, secret=secret)
    chosen = runs_filter(run) if top is None else ""
    typer.echo(f"TensorBoard on {run}: {address}" + (f"?runFilter={quote(chosen)}" if chosen else ""))
    if chosen:
        typer.echo("It opens with the ten best trials; empty 'Filter runs' to see all.")
    typer.echo("Ctrl-C ends it.")
    with contextlib.suppress(KeyboardInterrupt):
        signal.pause()
