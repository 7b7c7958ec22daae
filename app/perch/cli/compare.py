"""`perch compare`: which strategy solves this study sooner, by how much, and how sure that is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()

DEFAULT = "asha,ahb,rs"


@app.command()
def compare(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STUDY.yaml | RUN... | COMPARISON]",
            help="A study to run, folders of runs, or the folder of a comparison. Default: the embedded study.",
        ),
    ] = None,
    strategies: Annotated[
        str | None,
        typer.Option(
            help="Compared strategies; a variant is written asha+checkpoints=all. Of a comparison's folder: those to"
            " judge. Default: asha,ahb,rs, or all that the folder holds.",
            show_default=False,
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Blocks: one run of each strategy per seed. 10 for a verdict.")] = 10,
    time_budget: Annotated[str, typer.Option(help="Consumed time of each run: 90s, 10m, 8h.")] = "10m",
    reference: Annotated[str | None, typer.Option(help="Compared with. Default: rs, else the last.")] = None,
    target: Annotated[
        list[float] | None,
        typer.Option(help="A value to reach, in the metric's unit; may be repeated. Default: from the reference."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for comparisons. Default: the study's storage.")] = None,
    run_id: Annotated[
        str | None, typer.Option(help="Name of the comparison: starts it, resumes it, extends it.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the newest comparison in OUT.")] = False,
    only: Annotated[int | None, typer.Option(help="Run number N of the plan alone, from 0: for job arrays.")] = None,
    min_cpu_share: Annotated[
        float, typer.Option(help="Runs that got less of the CPU are repeated; 0 accepts all.")
    ] = 0.9,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Change the study.")
    ] = None,
    allow_test_metric: Annotated[
        bool, typer.Option("--allow-test-metric", help="Choose by a metric that is made of test rows.")
    ] = False,
) -> None:
    """Compare strategies by time-to-solution at equal resources."""
    from perch.compare.command import compare_runs, compare_study

    given = what or []
    if given and all(Path(w).is_dir() for w in given):
        code = compare_runs(
            [Path(w) for w in given], out=out, run_id=run_id, reference=reference, targets=target or [],
            strategies=strategies.split(",") if strategies else None,
        )  # fmt: skip
    else:
        code = compare_study(
            given, (strategies or DEFAULT).split(","), seeds, time_budget, reference=reference, targets=target or [], out=out,
            run_id=run_id, resume=resume, only=only, min_cpu_share=min_cpu_share, overrides=overrides or [], allow_test_metric=allow_test_metric,
        )  # fmt: skip
    raise typer.Exit(code)
