"""``perch report``: the HTML report and figures of runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs, or of a comparison.")],
    out: Annotated[
        Path | None, typer.Option(help="Where to write; several runs get a folder each, and a page above them.")
    ] = None,
    figures: Annotated[bool, typer.Option(help="Write figures as files too: PNG, SVG, PDF and their data.")] = True,
) -> None:
    """Write report.html and figures/ of a run, of several runs, or of a comparison: what a paper's supplement needs."""
    from perch.report.several import write_reports

    for page in write_reports(runs, out, files=figures):
        typer.echo(str(page))
