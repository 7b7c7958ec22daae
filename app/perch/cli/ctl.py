"""``perch ctl``: what somebody asks of a run while it goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from perch.log.asking import WAIT_S

app = typer.Typer()


@app.command()
def ctl(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="The folder of a run that goes on, here or on another node.")
    ],
    do: Annotated[
        str,
        typer.Argument(
            metavar="DO", help="stop TRIAL, keep TRIAL, add KEY=VALUE…, budget, end or leave.", show_default=False
        ),
    ],
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TRIAL | KEY=VALUE…]", help="The trial's id; or the values of a configuration."),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="For add: a JSON or YAML file with the configuration.")] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="For budget: trials of the search as a whole.")] = None,
    time_budget: Annotated[
        str | None, typer.Option(help="For budget: consumed time of the search as a whole: 10m, 8h, 2d.")
    ] = None,
    later: Annotated[
        bool, typer.Option("--later", help="If nobody drives the run now: leave the request for whoever resumes it.")
    ] = False,
    wait: Annotated[float, typer.Option(min=1, help="Seconds to wait for the run's answer.")] = WAIT_S,
) -> None:
    """Ask a run that goes on: stop or keep a trial, add a configuration, change the budget, end the search, or leave.

    stop ends a trial; keep has it trained to its last epoch, whatever the strategy says; add trains a configuration beyond the
    budget of trials; end has the best confirmed and the winner named now; leave saves and ends as Ctrl-C does, to be resumed.
    Each is written into the run's log, survives kills, and shows in the report.
    """
    from perch.errors import RequestError
    from perch.log.asking import ask

    asked = _request(do, words or [], config, trials, time_budget)
    answer = ask(run, do, asked, wait_s=wait, later=later, waiting=lambda text: typer.echo(text, err=True))
    if not answer.accepted:
        raise RequestError(answer.what, why=answer.why, fix=answer.fix)
    typer.echo(answer.what)


def _request(
    do: str, words: list[str], config: Path | None, trials: int | None, time_budget: str | None
) -> dict[str, Any]:
    """What a request says besides what is to be done. Raises RequestError for words that make none."""
    from perch.errors import RequestError, did_you_mean
    from perch.log.asking import DOINGS

    if do not in DOINGS:
        raise RequestError(f"'{do}' cannot be asked of a run", why=did_you_mean(do, DOINGS), fix="see perch ctl --help")
    if config is not None and do != "add":
        raise RequestError(f"--config is not for {do}", why="only add takes a configuration", fix="leave it out")
    if (trials is not None or time_budget is not None) and do != "budget":
        raise RequestError(
            f"--trials and --time-budget are not for {do}", why="only budget takes them", fix="leave them out"
        )
    if do in ("stop", "keep"):
        if len(words) != 1:
            raise RequestError(
                f"{do} takes one trial", why=f"{len(words)} were given", fix=f"write perch ctl RUN {do} 00007, say"
            )
        return {"trial": words[0]}
    if do == "add":
        return {"config": _configuration(words, config)}
    if words:
        raise RequestError(f"{do} takes no '{words[0]}'", why="it concerns the run as a whole", fix="leave it out")
    return _budget(trials, time_budget) if do == "budget" else {}


def _configuration(words: list[str], config: Path | None) -> dict[str, Any]:
    """From KEY=VALUE words, and from a file, over which the words win."""
    from perch import yaml12
    from perch.errors import RequestError
    from perch.study import read_yaml

    found: dict[str, Any] = {}
    if config is not None:
        try:
            found = read_yaml(config.read_text(encoding="utf-8"), f"'{config}'")
        except (OSError, UnicodeDecodeError) as error:
            raise RequestError(f"cannot read '{config}'", why=str(error), fix="give a JSON or YAML file") from error
    for word in words:
        key, separator, value = word.partition("=")
        if not separator or not key:
            raise RequestError(
                f"'{word}' is no value of a configuration", why="it is written KEY=VALUE", fix="write lr=0.01, say"
            )
        found[key] = yaml12.load(value)
    if not found:
        raise RequestError(
            "add takes a configuration",
            why="none was given",
            fix="write perch ctl RUN add lr=0.01 width=64, say, or --config FILE",
        )
    return found


def _budget(trials: int | None, time_budget: str | None) -> dict[str, Any]:
    from perch.errors import RequestError
    from perch.fields import seconds

    if trials is None and time_budget is None:
        raise RequestError(
            "budget takes --trials, --time-budget or both", why="neither was given", fix="write --trials 80, say"
        )
    try:
        time_s = None if time_budget is None else float(seconds(time_budget))
    except ValueError as error:
        raise RequestError(f"--time-budget {time_budget}", why=str(error), fix="write 10m, say") from error
    return {"trials": trials, "time": time_s}
