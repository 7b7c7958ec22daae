"""``perch wandb``: send what was logged offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Weights & Biases: send what was logged offline.")


@app.callback()
def wandb() -> None:
    """Weights & Biases: send what was logged offline."""


@app.command()
def sync(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run, finished or interrupted.")],
) -> None:
    """Send a run to Weights & Biases: what lies offline, and what its log holds beyond that."""
    from perch.boards.wandb_process import sync as send

    sent = send(run)
    typer.echo(f"sent {sent} W&B runs of {run}" if sent else f"nothing of {run} is waiting")
