"""The command `perch`: a table of commands, each in a file of its own that is imported only when it is called."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from typing import Any, Final

import click

from perch.cli.output import cannot_write, readable_anywhere, refused_by_storage, unbreakable
from perch.engine.signals import note_early
from perch.errors import PerchError
from perch.home import ensure_home

COMMANDS: Final = {
    "run": "Tune a model: the main job.",
    "init": "Write a study for your structures, or for a training program.",
    "strategies": "List strategies, or show one: paper, settings, when to use it.",
    "data": "Build or inspect the graph data set of a source.",
    "space": "Show which part of the space fits a GPU, and what changes nothing.",
    "compare": "Compare strategies by time-to-solution, with intervals.",
    "record": "Train a space-filling set of configurations to the end, to rehearse on.",
    "rehearse": "Rehearse a study in simulated time, on recorded curves.",
    "advise": "Say which strategy with which settings, with the reasons.",
    "plan": "Say what a budget buys, before anything is queued.",
    "schedule": "Turn a PBT run into a learning-rate schedule.",
    "train": "Train one configuration plainly.",
    "predict": "Predict energies with the best trials of a run.",
    "report": "Write the HTML report and figures of a run.",
    "watch": "Serve a run's report, renewed as results come.",
    "ctl": "Ask a run that goes on: stop, keep or add a trial, change the budget, end.",
    "board": "Open TensorBoard on a run.",
    "export": "Write a run for Optuna, MLflow or as CSV.",
    "why": "Say why a trial was stopped.",
    "audit": "Train a sample of stopped trials to the end.",
    "wandb": "Send what was logged offline to Weights & Biases.",
    "slurm": "Run a study on a Slurm cluster.",
    "k8s": "Run a study on a Kubernetes cluster.",
    "doctor": "Show what this machine, container or cluster offers and lacks.",
}
"""Every command with its line of help, in the order of the help page. Module: ``perch.cli.<name>``, its ``app``."""

GOES_ON: Final = frozenset({"run", "compare", "train", "schedule", "audit", "report", "export", "predict", "data"})
"""Commands whose work is what they leave behind: they finish it also when nobody can read what they print."""


class Commands(click.Group):
    """Imports a command's module when it is called, so that the help page needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The table's names, in its order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        import typer.main

        app = importlib.import_module(f"perch.cli.{cmd_name}").app
        app._add_completion = False  # the group above offers it
        command: Any = typer.main.get_command(app)
        command.name = cmd_name
        _add_examples(command, cmd_name)
        return command  # type: ignore[no-any-return]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Answer a typo with the known names."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from perch.errors import StudyError, did_you_mean

            raise StudyError(
                f"no command is called '{args[0]}'", why=did_you_mean(args[0], COMMANDS), fix="see perch --help"
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List commands from the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _add_examples(command: Any, words: str) -> None:
    """Put the examples at the foot of a command's help page, and of those below it."""
    from perch.cli.examples import epilog

    command.epilog = epilog(words)
    for name, inner in getattr(command, "commands", {}).items():
        _add_examples(inner, f"{words} {name}")


def _completion(ctx: click.Context, _: click.Parameter, shell: str | None) -> None:
    if shell is not None:
        from click.shell_completion import get_completion_class

        made = get_completion_class(shell)
        assert made is not None
        click.echo(made(perch, {}, "perch", "_PERCH_COMPLETE").source())
        ctx.exit()


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        from importlib.metadata import version

        click.echo(f"perch {version('perch-hpo')}")
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option(
    "--show-completion", type=click.Choice(["bash", "zsh", "fish"]), callback=_completion, expose_value=False, is_eager=True,
    help="Print a shell's completion: perch --show-completion bash >> ~/.bashrc",
)  # fmt: skip
@click.option("--version", is_flag=True, callback=_version, expose_value=False, is_eager=True, help="Show the version.")
def perch(debug: bool) -> None:
    """Tune neural networks for atomistic science: on a laptop, a Slurm cluster or Kubernetes.

    \b
    Begin with:
      perch run                 the embedded study, in minutes
      perch init                a study of your own structures
      perch run study.yaml      tune it

    Exit codes: 0 done, 1 the run failed, 2 bad input (nothing was started), 75 interrupted (run again to resume).
    """  # noqa: D301 - click reads the control character
    if debug:
        os.environ["PERCH_DEBUG"] = "1"


def main() -> None:
    """Run a command; print a Perch error as its three lines and exit with its code."""
    readable_anywhere()
    ensure_home()
    command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    if command in GOES_ON:
        note_early()
    with unbreakable() if command in GOES_ON else contextlib.nullcontext():
        code = _main()
    sys.exit(code)


def _main() -> int:
    try:
        result = perch(standalone_mode=False)
        code = result if isinstance(result, int) else 0
    except PerchError as error:
        code = _show(error)
    except (click.Abort, KeyboardInterrupt):
        code = 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except SystemExit as error:  # click's answer to a reader that has gone, wherever it noticed that first
        if not _reader_has_gone():
            raise
        code = 0 if error.code == 1 else int(error.code or 0)
    except OSError as error:
        if not refused_by_storage(error):
            raise
        code = _show(cannot_write(error))
    except Exception as error:  # click's own, and those of the copy of click that typer carries
        if not hasattr(error, "exit_code"):
            raise
        code = int(error.exit_code)
        if hasattr(error, "show"):
            error.show()
    return code


def _reader_has_gone() -> bool:
    """True where click, or typer's copy of it, has replaced standard output because writing to it failed."""
    return type(sys.stdout).__name__.endswith("PacifyFlushWrapper")


def _show(error: PerchError) -> int:
    if os.environ.get("PERCH_DEBUG"):
        import traceback

        traceback.print_exc()
    else:
        click.secho(f"perch: {error.what}", err=True, bold=True)
        for name, text in (("why", error.why), ("fix", error.fix)):
            if text:
                click.echo(f"  {name}: {text}", err=True)
    return error.exit_code


if __name__ == "__main__":
    main()
