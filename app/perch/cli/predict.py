"""``perch predict``: energies of new structures from the winner of a run."""

from __future__ import annotations

from pathlib import Path

import typer

app = typer.Typer(context_settings={"help_option_names": ["-h", "--help"]})


_RUN = typer.Argument(..., help="A run's folder, or the folder of one model.")
_STRUCTURES = typer.Argument(..., help="Structures in any form that ASE reads: .extxyz, .cif, .traj, .db.")
_OUTPUT = typer.Option(None, "--output", "-o", help="A .csv or .extxyz file (default: CSV on screen).")


@app.command()
def predict(
    run: Path = _RUN,
    structures: Path = _STRUCTURES,
    output: Path | None = _OUTPUT,
    top: int | None = typer.Option(
        None, min=1, help="How many of the winner's trainings answer (default: all); their spread is the deviation."
    ),
    allow_unseen: bool = typer.Option(False, "--allow-unseen", help="Predict elements that were never trained on."),
    device: str = typer.Option("auto", help="auto, cpu, cuda, cuda:1"),
) -> None:
    """Predict energies in eV: the mean of the winner's trainings, their standard deviation, and what makes it doubtful."""
    from perch.predict.predict import predict as predict_structures
    from perch.predict.predictions import as_csv, write
    from perch.record.winner_file import read_about

    predictions, atoms = predict_structures(run, structures, top=top, allow_unseen=allow_unseen, device=device)
    if output is None:
        typer.echo(as_csv(predictions), nl=False)
    else:
        write(predictions, atoms, output)
        typer.echo(f"{len(predictions)} energies in {output}")
    about = read_about(run / "best") or read_about(run)
    for line in about["words"] if about is not None else ():
        typer.echo(line, err=True)
    doubtful = [p for p in predictions if p.warnings]
    if doubtful:
        typer.echo(f"warning: {len(doubtful)} of {len(predictions)} are doubtful:", err=True)
        for p in doubtful[:3]:
            typer.echo(f"  {p.id}: {'; '.join(p.warnings)}", err=True)
