"""``perch why``: why a trial was stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def why(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    trial: Annotated[str, typer.Argument(metavar="TRIAL", help="The id of a trial: 00007, or 7.")],
) -> None:
    """Say why a trial was stopped: its value, cut-off and rank at each rung; a lineage; a failure's last lines."""
    from perch.why import lines
    from perch.why import why as find

    for line in lines(find(run, trial)):
        typer.echo(line)
