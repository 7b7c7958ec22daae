"""``perch init``: a commented study for a training program and a configuration file of it that trains."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def init(
    preset: Annotated[str, typer.Option(help="The program: mace, sevenn, nequip, …")],
    template: Annotated[Path, typer.Option(help="Your configuration file that trains.")],
    program: Annotated[
        str | None, typer.Option(help="The program in its own environment: /envs/mace/bin/mace_run_train.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The study file to write (default: PRESET-study.yaml at the template).")
    ] = None,
    probe: Annotated[
        bool, typer.Option(help="Train two epochs to see that it works, and what a campaign costs.")
    ] = True,
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
) -> int:
    """Write a study for a training program, check it, train a probe, and say what a campaign would cost."""
    from perch.programs.initialise import initialise

    return initialise(preset, template, program, out, train=probe, force=force, say=typer.echo)
