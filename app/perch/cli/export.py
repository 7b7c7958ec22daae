"""``perch export``: a run for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    optuna: Annotated[
        Path | None, typer.Option(metavar="FILE", help="SQLite file for Optuna: optuna-dashboard sqlite:///FILE.")
    ] = None,
    mlflow: Annotated[Path | None, typer.Option(metavar="DIR", help="Tracking folder for MLflow.")] = None,
    csv: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for trials.csv and curves.csv.")] = None,
) -> None:
    """Write a run's trials as an Optuna study, an MLflow experiment or CSV; the run itself stays as it is."""
    from perch.errors import RecordError
    from perch.record import load

    if optuna is None and mlflow is None and csv is None:
        raise RecordError(
            "nothing to write", why="no form was named", fix="give --optuna FILE, --mlflow DIR or --csv DIR"
        )
    record = load(run)
    if csv is not None:
        from perch.export.plain import to_csv

        for file in to_csv(record, csv):
            typer.echo(str(file))
    if optuna is not None:
        from perch.export.to_optuna import to_optuna

        count = to_optuna(record, optuna)
        typer.echo(
            f"{optuna}: study '{record.id}' with {count} trials; look at it with: optuna-dashboard sqlite:///{optuna}"
        )
    if mlflow is not None:
        from perch.export.to_mlflow import address, to_mlflow

        count = to_mlflow(record, mlflow)
        typer.echo(
            f"{mlflow}: experiment '{record.id}' with {count} trials; look at it with: mlflow ui --backend-store-uri {address(mlflow)}"
        )
