"""``perch strategies``: list the strategies, or show one's page."""

from __future__ import annotations

import typer

app = typer.Typer(context_settings={"help_option_names": ["-h", "--help"]})


@app.command()
def strategies(name: str | None = typer.Argument(None, help="Show this strategy's page.")) -> None:
    """List strategies, or show one: paper, settings, when to use it."""
    from rich.console import Console
    from rich.table import Table

    from perch.strategies.page import page, rows

    console = Console()
    if name is not None:
        typer.echo(page(name, min(console.width, 110) if console.is_terminal else 100))
    elif console.is_terminal:
        table = Table("strategy", "scheduler", "searcher", "when to use it", show_lines=True)
        for row in rows():
            table.add_row(*row)
        console.print(table)
    else:
        for row in rows():
            typer.echo("\t".join(row))
