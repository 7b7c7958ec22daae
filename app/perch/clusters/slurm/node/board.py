"""TensorBoard on the first node, as a process: ``python -m perch.clusters.slurm.node.board LOGDIR PORT URL_FILE``.

Its path prefix is random and appears in no command line and no log: only in ``URL_FILE``, mode 0600.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from perch.boards.serve import serve
from perch.clusters.slurm.node.address import write_durably


def main(logdir: str, port: str, url_file: str) -> None:
    """Serve until terminated, politely: it must not hold up the first trial."""
    os.nice(10)
    Path(logdir).mkdir(parents=True, exist_ok=True)
    write_durably(Path(url_file), serve(Path(logdir), port=int(port), secret=True) + "\n")
    signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main(*sys.argv[1:])
