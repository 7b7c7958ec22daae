"""``perch data``: build the graph data set of a source, or describe it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

app = typer.Typer(
    context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=True,
    help="Build or inspect the graph data set of a source.",
)  # fmt: skip

_SOURCE = typer.Argument(
    ...,
    help="A source (adsorption, toy), a study file (.yaml), or structures: .db, .aselmdb, .extxyz, .traj, a folder of CIF.",
)
_TARGET = typer.Option(None, help="A key, or an expression over keys, in eV.")
_SELECT = typer.Option(None, help="Conditions, such as surface=111.")
_ADSORBATE = typer.Option(None, help="Which atoms are the adsorbate: ase, ocp, gaspy, or symbols such as O,H.")
_GROUP = typer.Option(None, help="What may not lie on both sides of the split: auto, none, formula, or a key.")
_FOLDS = typer.Option(None, help="Cross-validation with this many folds.")
_SET = typer.Option(None, "--set", metavar="PATH=VALUE", help="Change the study, as in data.cutoff_angstrom=5.")
_CACHE = typer.Option(None, help="Where graphs are kept (default: PERCH_CACHE, else the user's cache folder).")


@app.command()
def build(
    source: str = _SOURCE,
    target: str | None = _TARGET,
    select: str | None = _SELECT,
    adsorbate: str | None = _ADSORBATE,
    group: str | None = _GROUP,
    folds: int | None = _FOLDS,
    change: list[str] | None = _SET,
    cache: Path | None = _CACHE,
) -> None:
    """Make the graphs and the split, and keep them for runs to come."""
    from perch.data.inspect.guess import data_spec
    from perch.data.prepare import prepare
    from perch.data.reading.progress import bar

    spec, base = data_spec(source, _settings(target, select, adsorbate, group, folds), change or [])
    with bar() as progress:
        data = prepare(spec, base=base, cache=cache, progress=progress)
    typer.echo(f"{len(data)} graphs of {len(data.graphs.numbers)} atoms, fingerprint {data.fingerprint}")
    for warning in data.warnings:
        typer.echo(f"warning: {warning}", err=True)


@app.command()
def inspect(
    source: str = _SOURCE,
    target: str | None = _TARGET,
    select: str | None = _SELECT,
    adsorbate: str | None = _ADSORBATE,
    group: str | None = _GROUP,
    folds: int | None = _FOLDS,
    change: list[str] | None = _SET,
    cache: Path | None = _CACHE,
) -> None:
    """Describe a data set: sizes, targets, neighbours, three baselines, and what looks wrong."""
    import shutil

    from perch.data.inspect.describe import describe
    from perch.data.inspect.guess import data_spec
    from perch.data.inspect.page import lines
    from perch.data.reading.progress import bar

    spec, base = data_spec(source, _settings(target, select, adsorbate, group, folds), change or [])
    with bar() as progress:
        description = describe(spec, base=base, cache=cache, progress=progress)
    for line in lines(description, width=min(shutil.get_terminal_size((100, 24)).columns, 120)):
        typer.echo(line)


def _settings(
    target: str | None, select: str | None, adsorbate: str | None, group: str | None, folds: int | None
) -> dict[str, Any]:
    """Options as data settings; those not given are None."""
    how = None
    if adsorbate is not None:
        how = {"tags": adsorbate} if adsorbate in ("ase", "ocp", "gaspy") else {"symbols": adsorbate.split(",")}
    split = {name: value for name, value in {"group": group, "folds": folds}.items() if value is not None}
    return {"target": target, "select": select, "adsorbate": how, "split": split or None}
