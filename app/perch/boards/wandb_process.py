"""The process that sends a run to Weights & Biases: it follows the log, has ten seconds at the end of the run, and sends the rest later."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from perch.errors import RecordError, StudyError

END_LIMIT_S: Final = 9.5
"""What the end of a run waits for W&B; with what it then takes to end the process, ten seconds at most. The rest is written by
``perch wandb sync``."""


def require() -> None:
    """Raise StudyError where the client is not installed."""
    from importlib.util import find_spec

    if find_spec("wandb") is None:
        raise StudyError(
            "log: wandb is asked for, and its client is not installed",
            why="the package wandb is an extra",
            fix="pip install 'perch-hpo[wandb]', or leave wandb out of 'log:'",
        )


@contextmanager
def following(folder: Path, logs: Path, *, limit_s: float = END_LIMIT_S) -> Iterator[subprocess.Popen[bytes]]:
    """Follow the run in ``folder`` while the block runs. Trouble there goes to ``logs/wandb.log`` and stops nothing."""
    with (logs / "wandb.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "perch.boards.wandb", str(folder)], stdin=subprocess.PIPE, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        end(process, folder, limit_s)


def end(process: subprocess.Popen[bytes], folder: Path, limit_s: float = END_LIMIT_S) -> bool:
    """Close its input, wait, and end it when it takes too long. True when everything was written."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        code = process.wait(limit_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        code = -9
    if code != 0:
        print(f"perch: W&B has not got everything yet; 'perch wandb sync {folder}' sends the rest", file=sys.stderr)
    return code == 0


def sync(folder: Path) -> int:
    """Write what is missing from the log, then send everything that lies offline; returns how many W&B runs were sent.

    Raises RecordError where there is no run, or what W&B's client said when it failed.
    """
    from perch.boards.wandb import follower, has_key
    from perch.log.events import read

    require()
    if not (folder / "events").is_dir():
        raise RecordError(
            f"'{folder}' is not a run", why="it holds no events/", fix="give the folder of a run: OUT/<run id>"
        )
    if not has_key():
        raise RecordError(
            "there is no key for Weights & Biases",
            why="neither WANDB_API_KEY nor ~/.netrc holds one",
            fix="set WANDB_API_KEY, or run 'wandb login'",
        )
    os.environ.setdefault("WANDB_MODE", "offline")
    board = follower(folder.absolute())
    for event in read(folder / "events"):
        board.applied(event)
    board.close()
    return _send(folder, board.project)


def _send(folder: Path, project: str) -> int:
    waiting = [
        d for d in sorted((folder / "wandb").glob("offline-run-*")) if d.is_dir() and not list(d.glob("*.synced"))
    ]
    if not waiting:
        return 0
    environment = {k: v for k, v in os.environ.items() if k != "WANDB_MODE"}
    for batch in (waiting[i : i + 100] for i in range(0, len(waiting), 100)):
        command = [sys.executable, "-m", "wandb", "sync", "--project", project, *map(str, batch)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        said = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr).strip().splitlines()
        if done.returncode != 0 or any("error" in line.lower() for line in said):
            why = " / ".join(said[-3:]) or f"its status was {done.returncode}"
            raise RecordError(
                "W&B's client could not send the run", why=why, fix="see to the key or the network, and try again"
            )
    return len(waiting)
