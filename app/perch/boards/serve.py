"""TensorBoard on a run's folder, through TensorBoard's own Python API, reachable from this machine alone."""

from __future__ import annotations

import logging
import secrets
from pathlib import Path
from typing import Any

from perch.boards.frontend import pages
from perch.errors import RecordError


def serve(folder: Path, *, host: str = "127.0.0.1", port: int = 0, secret: bool = False, reload_s: float = 5.0) -> str:
    """Start TensorBoard on ``folder`` in a thread of this process, and return its address.

    ``port`` 0: any free one. ``secret``: the address gets a random path, so that other users of the machine who find
    the port do not find the pages.
    """
    from tensorboard import default, program
    from tensorboard.util import tb_logging

    tb_logging.get_logger().setLevel(logging.ERROR)
    arguments = ["tensorboard", "--logdir", str(folder), "--host", host, "--port", str(port)]
    arguments += ["--reload_interval", str(reload_s), "--samples_per_plugin", "scalars=1000,hparams=100000"]
    if secret:
        arguments += ["--path_prefix", f"/{secrets.token_urlsafe(16)}"]
    board: Any = program.TensorBoard(plugins=default.get_plugins(), assets_zip_provider=pages())
    board.configure(argv=arguments)
    try:
        address = str(board.launch())
    except program.TensorBoardServerException as error:
        raise RecordError(
            f"TensorBoard does not start on {host}:{port}",
            why=str(error),
            fix="give another --port, or leave it out for a free one",
        ) from error
    return address
