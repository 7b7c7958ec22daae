"""``perch watch``: a run's page in the browser while it goes on."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def watch(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run, going on or finished.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes any free one.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open it in the browser too.")] = False,
) -> None:
    """Serve the report of a run from its log, renewed as results come; on this machine alone, behind a random path."""
    from perch.watch.server import Watch

    try:
        served = Watch(run, port=port)
    except OSError as error:
        from perch.errors import RecordError

        raise RecordError(
            f"cannot serve on port {port}", why=str(error), fix="give another --port, or leave it out"
        ) from error
    typer.echo(f"{run}: {served.address}")
    typer.echo("Ctrl-C ends it; the run goes on.")
    if browser:
        import webbrowser

        webbrowser.open(served.address)
    with contextlib.suppress(KeyboardInterrupt):
        signal.pause()
    served.close()
