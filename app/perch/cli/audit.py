"""`perch audit`: a sample of a run's stopped trials, trained to the end."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def audit(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run that stopped trials early.")],
    sample: Annotated[int, typer.Option(help="About how many stopped trials to train to the end.")] = 20,
    out: Annotated[Path | None, typer.Option(help="Folder for the result (default: RUN/audit).")] = None,
) -> int:
    """Ask whether early stopping was safe: rank correlation of each rung with the last epoch, stopped trials included."""
    from perch.audit import audit as check
    from perch.record import load

    record = load(run)
    for line in check(record, sample, out or record.folder / "audit", typer.echo):
        typer.echo(line)
    return 0
