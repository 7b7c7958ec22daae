"""``perch doctor``: what this machine, container or cluster offers and lacks."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def doctor(
    study: Annotated[
        str | None, typer.Argument(metavar="[STUDY.yaml]", help="Check also that this study can run here.")
    ] = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Build what is missing and can be built: Dragonfly's environment.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Show what this machine, container or cluster offers and lacks; with a study, whether it can run here."""
    import json

    from perch.doctor import examine, examine_study

    if fix:
        from perch.suggesting.building import build
        from perch.suggesting.dragonfly import status

        if not status()[0]:
            build(lambda text: typer.echo(text, err=True))
    findings = [*examine(), *(examine_study(study) if study is not None else ())]
    if json_:
        typer.echo(json.dumps([f.__dict__ for f in findings], indent=1))
    else:
        for finding in findings:
            mark, color = {"ok": ("ok", "green"), "note": ("–", None), "problem": ("!!", "red")}[finding.state]
            typer.echo(f"{typer.style(f'{mark:>2}', fg=color)}  {finding.name:<16} {finding.found}")
            if finding.fix:
                typer.echo(f"    {'':<16} fix: {finding.fix}")
    return 1 if any(f.state == "problem" for f in findings) else 0
