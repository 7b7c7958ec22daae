"""A user without HOME and without a line in passwd, as a container may have: every command answers as it does for others."""

import os
import subprocess
import sys

import pytest
from tests.patience import LIMIT_S

from perch import home

NOBODY = ["env", "-u", "HOME", "-u", "USER", "-u", "LOGNAME", "unshare", "-U", "--map-user=12345", "--map-group=12345"]


@pytest.fixture(scope="module")
def nobody():
    """Words that start a command as such a user."""
    probe = subprocess.run([*NOBODY, "id", "-u"], capture_output=True, text=True, check=False)
    if probe.stdout.strip() != "12345":
        pytest.skip(f"user namespaces are not to be had here: {probe.stderr.strip()}")
    return NOBODY


COMMANDS = {
    "run nowhere.yaml": 2,
    "init --preset nowhere": 2,
    "strategies": 0,
    "data inspect toy": 0,
    "compare nowhere.yaml": 2,
    "schedule nowhere": 2,
    "train nowhere.yaml": 2,
    "predict nowhere nowhere.xyz": 2,
    "report nowhere": 2,
    "board nowhere": 2,
    "why nowhere 0": 2,
    "audit nowhere": 2,
    "export nowhere --csv x": 2,
    "watch nowhere": 2,
    "ctl nowhere end": 2,
    "record nowhere.yaml": 2,
    "rehearse nowhere": 2,
    "advise nowhere.yaml": 2,
    "plan nowhere.yaml": 2,
    "space nowhere.yaml": 2,
    "wandb sync nowhere": 2,
    "slurm script": 0,
    "k8s status nowhere": 2,
}
"""Every command but the doctor, whose answer depends on the machine, with its code for a user who has a home."""


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_answers_a_user_without_a_home(nobody, words, tmp_path):
    env = {**os.environ, "KUBECONFIG": str(tmp_path / "none"), "TMPDIR": str(tmp_path)}
    tmp_path.chmod(0o777)
    command = [*nobody, sys.executable, "-m", "perch.cli.main", *words.split()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, env=env, cwd=tmp_path, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == COMMANDS[words], done.stderr


def test_every_command_is_asked():
    from perch.cli.main import COMMANDS as ALL

    assert {words.split()[0] for words in COMMANDS} == set(ALL) - {"doctor"}


def test_the_doctor_finds_no_fault_in_it(nobody, tmp_path):
    script = (
        "from perch.home import ensure_home; ensure_home()\n"
        "import getpass, pathlib; assert getpass.getuser() == 'user-12345'; assert pathlib.Path.home().is_dir()\n"
        "from perch.doctor import kubernetes, temporary\n"
        "print([f.state for f in (*kubernetes(), *temporary())])\n"
    )
    tmp_path.chmod(0o777)
    done = subprocess.run([*nobody, sys.executable, "-c", script], capture_output=True, text=True,
                          env={**os.environ, "TMPDIR": str(tmp_path)}, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "problem" not in done.stdout


def test_a_home_that_is_given_is_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(home.pwd, "getpwuid", lambda uid: (_ for _ in ()).throw(KeyError(uid)))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USER", "me")
    home.ensure_home()
    assert (os.environ["HOME"], os.environ["USER"]) == (str(tmp_path), "me")


def test_the_spare_home_is_never_somebody_elses(monkeypatch, tmp_path):
    """In the temporary folder anybody may make a folder, or a link, of that name first."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"perch-home-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    folder = home.spare_folder("home")
    assert not folder.is_symlink() and folder.stat().st_mode & 0o077 == 0


def test_a_tilde_for_a_user_whom_nobody_knows_is_a_path_that_does_not_exist():
    assert str(home.expanded("~nobody-of-this-name/data.db")) == "~nobody-of-this-name/data.db"
    assert home.expanded("~/x").is_absolute()
