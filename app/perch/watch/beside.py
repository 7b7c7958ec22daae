"""The page of a run, served next to the process that drives it: ``python -m perch.watch.beside RUN``.

Prints its address as the first line. It ends when its standard input is closed: by the run at its end, or by the system when the
run is killed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from perch.log.follower import when_input_ends
from perch.watch.server import Watch


def main() -> None:
    """Serve until standard input ends."""
    ended = when_input_ends()
    served = Watch(Path(sys.argv[1]))
    print(served.address, flush=True)
    ended.wait()
    served.close()


if __name__ == "__main__":
    main()
