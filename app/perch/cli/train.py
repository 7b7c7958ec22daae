"""`perch train`: one configuration, trained plainly."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer()


@app.command()
def train(
    study: Annotated[
        str | None, typer.Argument(metavar="[STUDY.yaml]", help="A study file; without one: the embedded study.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            help="JSON: a run's best/config.json, schedule.json or a mapping. Default: the model's own values."
        ),
    ] = None,
    lr_schedule: Annotated[
        Path | None, typer.Option(help="JSON: schedule.json of perch schedule, or values per epoch.")
    ] = None,
    repeats: Annotated[int, typer.Option(help="Trainings with different seeds.")] = 1,
    epochs: Annotated[
        int | None, typer.Option(help="Epochs (default: the study's, or the schedule's when longer).")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="First seed (default: the study's).")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder that holds runs (default: the study's storage).")] = None,
    run_id: Annotated[str | None, typer.Option(help="Start or resume the training of this name: OUT/ID.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the newest training in OUT.")] = False,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Change the study.")
    ] = None,
) -> int:
    """Train one configuration without Ray: mean and deviation over seeds, and best/ as a run leaves it."""
    from perch.errors import RecordError
    from perch.overrides import override
    from perch.schedule import plain
    from perch.study import load

    spec = load(study, override(overrides, seed=seed))
    root = out.absolute() if out is not None else spec.path(spec.storage)
    if resume and run_id is None:
        orders = sorted(root.glob("*/order.json"), key=lambda p: p.stat().st_mtime)
        if not orders:
            raise RecordError(
                f"no training to resume in '{root}'", why="no folder holds an order.json", fix="leave --resume out"
            )
        run_id = orders[-1].parent.name
    folder = root / (run_id or f"{spec.name}-train-{time.strftime('%Y%m%d-%H%M%S')}")
    if spec.program is not None:
        from perch.programs.plain import lines, train_program

        given = plain.read_config(config) if config else {}
        by_epoch = plain.read_schedule(lr_schedule) if lr_schedule else None
        trained = train_program(spec, given, folder, repeats=repeats, epochs=epochs, say=typer.echo, schedule=by_epoch)
        for line in lines(trained):
            typer.echo(line)
        typer.echo(f"written: {folder}/train.json and {folder}/best/")
        return 1 if len(trained["diverged"]) == repeats else 0
    order = plain.make_order(
        spec,
        plain.read_config(config) if config else {},
        plain.read_schedule(lr_schedule) if lr_schedule else None,
        repeats,
        epochs,
    )
    with _Bar(order.epochs * len(order.seeds)) as progress:
        summary = plain.train(order, folder, progress, typer.echo)
    for line in plain.lines(summary):
        typer.echo(line)
    typer.echo(f"written: {folder}/train.json and {folder}/best/")
    return 1 if len(summary["diverged"]) == len(order.seeds) else 0


class _Bar:
    """A progress bar on a terminal; a line every tenth of the way when piped."""

    def __init__(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import Progress

        self.total, self.done, self.said = total, 0, 0
        self.console = Console()
        self.bar = Progress(console=self.console, transient=True) if self.console.is_terminal else None

    def __enter__(self) -> Any:
        if self.bar is not None:
            self.bar.start()
            self.task = self.bar.add_task("training", total=self.total)
        return self.step

    def step(self, seed: int, row: dict[str, Any]) -> None:
        """One epoch is done."""
        self.done += 1
        text = f"seed {seed}, epoch {row['epoch']}: validation {row['validation_mae_ev']:.4f} eV"
        if self.bar is not None:
            self.bar.update(self.task, completed=self.done, description=text)
        elif self.done * 10 // self.total > self.said:
            self.said = self.done * 10 // self.total
            typer.echo(text)

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()
