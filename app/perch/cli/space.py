"""`perch space`: what fits a GPU, and which hyperparameters change nothing, before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def space(
    study: Annotated[
        str | None, typer.Argument(metavar="[STUDY.yaml]", help="A study file; without one: the embedded study.")
    ] = None,
    gpu_memory: Annotated[
        str | None, typer.Option(help="Memory of a GPU, as 16GB; default: the study's, or this machine's.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Change a value of the study.")
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Where graphs are kept (default: PERCH_CACHE, else the user's cache folder).")
    ] = None,
) -> int:
    """Show the search space: memory of its configurations, the part that fits a GPU, and hyperparameters that change nothing."""
    from perch.view.steps import Steps

    steps = Steps()
    with steps.step("reading the study"):
        from perch.errors import StudyError
        from perch.fields import memory_bytes
        from perch.study import load
        from perch.trainables import kind_of

        try:
            asked = None if gpu_memory is None else memory_bytes(gpu_memory)
        except ValueError as error:
            raise StudyError(
                f"--gpu-memory {gpu_memory}: cannot read it", why=str(error), fix="write --gpu-memory 16GB"
            ) from error
        given = load(study, set_ or [])
        kind_of(given).check()
    with steps.step("counting what configurations take"):
        from perch.data.graphs.store import default_cache
        from perch.memory.command import space_lines

        found = list(
            space_lines(
                given,
                cache or default_cache(),
                asked,
                lambda n, _all: steps.progress("counting what configurations take", n, 0),
            )
        )
    for line in found:
        typer.echo(line)
    return 0
