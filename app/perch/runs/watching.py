"""The page of ``perch watch`` beside a run: a process of low priority, which ends with the run."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import IO

from perch.log.folder import RunFolder


@contextlib.contextmanager
def watching(folder: RunFolder, say: Callable[[str], None]) -> Iterator[subprocess.Popen[bytes]]:
    """Serve the page while the block lasts; its address is said once it is there. Its failure is said, and ends nothing."""
    folder.logs.mkdir(exist_ok=True)
    with (folder.logs / "watch.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "perch.watch.beside", str(folder.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    reader = threading.Thread(target=_announce, args=(process.stdout, folder, say), daemon=True)
    reader.start()
    try:
        yield process
    finally:
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:  # it draws a large page
            process.kill()
            process.wait()
        reader.join()
        process.stdout.close()


def _announce(lines: IO[bytes], folder: RunFolder, say: Callable[[str], None]) -> None:
    address = lines.readline().decode().strip()
    say(f"watch: {address}" if address else f"warning: the page is not served: see {folder.logs / 'watch.log'}")
