"""``perch init``: a commented study for the user's structures, or for a training program and a configuration file that trains."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def init(
    data: Annotated[
        str | None,
        typer.Option(metavar="STRUCTURES", help="Your structures: .extxyz, .xyz, .traj, .db, a folder of CIF."),
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="The target in eV: a key of the data, or an expression over keys.")
    ] = None,
    adsorbate: Annotated[
        str | None, typer.Option(help="Which atoms are the adsorbate: ase, ocp, gaspy, symbols such as O,H, or none.")
    ] = None,
    budget: Annotated[str | None, typer.Option(help="How long it may search: 30m, 8h, or a number of trials.")] = None,
    name: Annotated[str | None, typer.Option(help="A name for the study.")] = None,
    preset: Annotated[str | None, typer.Option(help="A training program: mace, sevenn, nequip, …")] = None,
    template: Annotated[Path | None, typer.Option(help="Its configuration file that trains.")] = None,
    program: Annotated[
        str | None, typer.Option(help="The program in its own environment: /envs/mace/bin/mace_run_train.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The study file to write (default: NAME.yaml, or PRESET-study.yaml at the template)."),
    ] = None,
    probe: Annotated[
        bool, typer.Option(help="Train two epochs of the program to see that it works, and what a campaign costs.")
    ] = True,
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
) -> int:
    """Write a commented study for your structures, or for a training program, and check it. What is not given is asked."""
    from perch.beginning.begin import begin
    from perch.beginning.questions import Answers, asker
    from perch.errors import StudyError

    if preset is None and template is None:
        return begin(Answers(data, target, adsorbate, budget, name), out, force=force, ask=asker(), say=typer.echo)
    if preset is None or template is None or data is not None:
        raise StudyError(
            "perch init takes --preset and --template, or --data", why="one is of a training program, the other of structures",
            fix="perch init --preset mace --template mace.yaml, or perch init --data structures.extxyz --target energy_ev",
        )  # fmt: skip
    from perch.programs.initialise import initialise

    return initialise(preset, template, program, out, train=probe, force=force, say=typer.echo)
