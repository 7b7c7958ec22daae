"""The Python API has the command line's words, and importing it costs nothing."""

import subprocess
import sys


def test_public_names_are_importable():
    import perch

    assert {name for name in perch.__all__ if getattr(perch, name)} == {"Run", "Study", "run"}


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

    from perch.cli.main import COMMANDS, perch

    for name in COMMANDS:
        command = perch.get_command(click.Context(perch), name)
        assert command is not None, name


def test_run_stays_callable_once_its_package_is_imported():
    import perch.log.events  # noqa: F401
    from perch import run

    assert callable(run)
