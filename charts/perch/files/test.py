"""Run by helm test, in a pod of the release: the results folder takes files, the run is there, TensorBoard answers."""

import json
import os
import pathlib
import time
import urllib.request
from collections.abc import Callable

results = pathlib.Path(os.environ["RESULTS"])
run, board = os.environ["RUN"], os.environ["BOARD"]

canary = results / ".perch-test"
canary.write_text("ok")
canary.unlink()
print(f"{results} takes files")


def until(what: str, look: Callable[[], list[str]], seconds: float = 120) -> list[str]:
    """Return what ``look`` finds, and try again as long as it finds nothing."""
    end = time.monotonic() + seconds
    why: object = "nothing found"
    while time.monotonic() < end:
        try:
            found = look()
            if found:
                print(what, found)
                return found
        except OSError as error:
            why = error
        time.sleep(2)
    raise SystemExit(f"{what}: {why}")


if run:
    until("study:", lambda: sorted(str(path) for path in (results / run).glob("**/study.yaml"))[:1])
if board:
    url = board + "/data/plugins_listing"
    until("TensorBoard's plugins:", lambda: list(json.load(urllib.request.urlopen(url)))[:3])  # noqa: S310 (ours)
