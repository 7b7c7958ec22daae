"""The user's home folder, also where there is none: a container may run under a number that no passwd file knows."""

from __future__ import annotations

import os
import pwd
import tempfile
from pathlib import Path


def ensure_home() -> None:
    """Give a process without HOME and without a line in passwd both a home and a name, for itself and what it starts.

    Libraries ask for them when they are imported (Ray, torch, matplotlib, Kubernetes' client) and raise where they find
    none. The home is a folder of this user's own below the temporary folder.
    """
    try:
        pwd.getpwuid(os.getuid())
        return
    except KeyError:
        pass
    if "HOME" not in os.environ:
        os.environ["HOME"] = str(spare_folder("home"))
    if not any(os.environ.get(name) for name in ("LOGNAME", "USER", "LNAME", "USERNAME")):  # as getpass.getuser looks
        os.environ["LOGNAME"] = os.environ["USER"] = f"user-{os.getuid()}"


def expanded(path: str | Path) -> Path:
    """A path with ``~`` replaced. One that names a user whom nobody knows stays as it is, and then does not exist."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def spare_folder(purpose: str) -> Path:
    """``perch-PURPOSE-UID`` in the temporary folder. That folder is everyone's, so it must be this user's alone in there."""
    spare = Path(tempfile.gettempdir()) / f"perch-{purpose}-{os.getuid()}"
    return spare if is_own(spare) else Path(tempfile.mkdtemp(prefix=f"perch-{purpose}-"))


def is_own(folder: Path) -> bool:
    """Whether the folder is there, or can be made, belongs to this user and can be written."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder.stat().st_uid == os.getuid() and not folder.is_symlink() and os.access(folder, os.W_OK)
    except OSError:
        return False
