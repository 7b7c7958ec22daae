"""Stands between a worker and the program that it runs, so that nothing of the program outlives the trial.

Run as ``python -I -S guard.py SPEC`` with a pipe as its standard input. The program runs in a process group of its own;
the guard adopts whatever it leaves behind. When the pipe closes, because the worker asks for it or was killed, the group
gets TERM, after a grace KILL. Then the guard writes how the program ended and ends itself. The standard library alone.

It is two processes. Ray kills the direct children of a worker that ends (``kill_child_processes_on_worker_exit``), so the
worker's child only waits for the guard proper, which outlives it and ends the program.

SPEC is JSON: ``command`` (words), ``folder``, ``log``, ``result`` (files), ``grace_s``. The pipe carries lines:
``grace SECONDS``, ``hold``, ``go``.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LINGER_S = 2.0
"""How long what the program left behind may take to end by itself."""


def main() -> None:
    """Run the program; see the module."""
    inner = os.fork()
    if inner:
        _wait_for(inner)
    else:
        os.setsid()
        _guard()


def _wait_for(inner: int) -> None:
    """Stand for the guard proper: end when it does, and hand signals on."""

    def hand_on(number: int, _frame: Any) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(inner, number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, hand_on)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.waitpid(inner, 0)


def _guard() -> None:
    spec: dict[str, Any] = json.loads(sys.argv[1])
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    asked = _signals()
    oom = _oom_kills()

    def in_child() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a background job's child inherits an ignored one
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)

    result: dict[str, Any] = {"code": None, "left": [], "error": "", "oom": False, "stopped": False, "rss": 0}
    with open(spec["log"], "ab") as log:  # noqa: PTH123 - imported before anything else is needed
        try:
            child = subprocess.Popen(
                spec["command"], cwd=spec["folder"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=in_child,  # noqa: PLW1509 - this process has one thread
            )  # fmt: skip
        except OSError as error:
            _write(spec["result"], {**result, "error": str(error)})
            return
        Path(spec["result"] + ".pid").write_text(str(child.pid))
        result["stopped"] = _until_end(child, spec, asked)
        result["code"] = child.wait()
        if not result["stopped"]:
            result["left"] = _left_behind(child.pid)
        _sweep(child.pid)
        result["oom"] = result["code"] == -signal.SIGKILL and _oom_kills() > oom
    result["rss"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    _write(spec["result"], result)


def _signals() -> int:
    """A descriptor that becomes readable when this process is to end."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def note(number: int, _frame: Any) -> None:
        with contextlib.suppress(OSError):
            os.write(writing, b"x")

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, note)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return reading


def _until_end(child: subprocess.Popen[bytes], spec: dict[str, Any], asked: int) -> bool:
    """Wait until the program ends (False) or has been stopped (True)."""
    grace_s, ended, text = float(spec["grace_s"]), os.pidfd_open(child.pid), b""
    while True:
        ready, _, _ = select.select([ended, 0, asked], [], [])
        if ended in ready:
            return False
        if 0 in ready and (data := os.read(0, 4096)):
            text += data
            *lines, text = text.split(b"\n")
            for line in lines:
                word, _, value = line.decode().partition(" ")
                if word == "grace":
                    grace_s = float(value)
                elif word in ("hold", "go"):
                    _signal(child.pid, signal.SIGSTOP if word == "hold" else signal.SIGCONT)
            continue
        _signal(child.pid, signal.SIGTERM)
        _signal(child.pid, signal.SIGCONT)
        if not select.select([ended], [], [], grace_s)[0]:
            _signal(child.pid, signal.SIGKILL)
        return True


def _signal(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _children() -> list[int]:
    """Processes that hang below the guard: what the program left behind was handed to it."""
    with contextlib.suppress(OSError):
        return [int(p) for p in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    return []


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _left_behind(group: int) -> list[str]:
    """Names of processes that go on after the program has ended, though they had time to end."""
    end = time.monotonic() + LINGER_S
    while _children() and time.monotonic() < end:
        _reap()
        time.sleep(0.02)
    _reap()
    names = []
    for pid in _children():
        with contextlib.suppress(OSError):
            names.append(f"{Path(f'/proc/{pid}/comm').read_text().strip()} ({pid})")
    return names


def _sweep(group: int) -> None:
    """Kill the rest of the group and whatever left it."""
    _signal(group, signal.SIGKILL)
    end = time.monotonic() + 10
    while (children := _children()) and time.monotonic() < end:
        for pid in children:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        _reap()
        time.sleep(0.01)


def _oom_kills() -> int:
    """How often the kernel has killed for memory, in this control group or, where it does not say, on this machine."""
    for path, word in (("/sys/fs/cgroup/memory.events", "oom_kill"), ("/proc/vmstat", "oom_kill")):
        with contextlib.suppress(OSError):
            for line in Path(path).read_text().splitlines():
                name, _, number = line.partition(" ")
                if name == word:
                    return int(number)
    return 0


def _write(path: str, result: dict[str, Any]) -> None:
    partial = Path(path + ".part")
    partial.write_text(json.dumps(result))
    partial.replace(path)


if __name__ == "__main__":
    main()
