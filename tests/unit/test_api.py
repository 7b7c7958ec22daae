"""The Python API has the command line's words, and importing it costs nothing."""

import contextlib
import importlib
import io
import pkgutil
import subprocess
import sys

import pytest

import perch


def test_public_names_are_those_of_their_homes():
    from perch.api.run import Run
    from perch.api.running import run
    from perch.study import Study

    assert {name: getattr(perch, name) for name in perch.__all__} == {"Run": Run, "Study": Study, "run": run}
    with pytest.raises(AttributeError, match="no attribute 'runn'"):
        perch.runn  # noqa: B018


def test_help_comes_without_anything_heavy():
    code = (
        "import sys, contextlib, io; sys.argv = ['perch', '--help']\n"
        "from perch.cli.main import main\n"
        "with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.suppress(SystemExit): main()\n"
        "assert 'Tune a model' in said.getvalue()\n"
        "heavy = {'torch', 'ray', 'ase', 'numpy', 'pydantic', 'typer', 'rich'} & sys.modules.keys()\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_command_of_the_table_can_be_called_for_help():
    import click

    from perch.cli.main import COMMANDS
    from perch.cli.main import perch as commands

    for name in COMMANDS:
        command = commands.get_command(click.Context(commands), name)
        with contextlib.redirect_stdout(io.StringIO()) as page, contextlib.suppress(SystemExit):
            command.main(["--help"], prog_name=f"perch {name}")
        assert command.name == name and f"Usage: perch {name}" in page.getvalue() and "--help" in page.getvalue()
    assert commands.get_command(click.Context(commands), "runn") is None


def test_run_stays_the_function_once_every_module_of_the_package_is_imported():
    for module in pkgutil.iter_modules(perch.__path__):
        importlib.import_module(f"perch.{module.name}")
    assert perch.run.__module__ == "perch.api.running" and perch.run.__name__ == "run"
