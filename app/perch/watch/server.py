"""Serving the page on this machine alone, under a random path."""

from __future__ import annotations

import json
import secrets
import tempfile
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from perch.watch.shadow import Shadow

LOOK_EVERY_S = 1.0
PAUSE = 10
"""A page is made at most once in so many times as long as it took: a large run's is made less often."""


class Watch:
    """Follows a run in a thread and serves its page. ``address`` is where; ``close`` ends it."""

    def __init__(self, run: Path, *, port: int = 0) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="perch-watch-")
        self._shadow = Shadow(run, Path(self._scratch.name))
        self._token = secrets.token_urlsafe(16)
        self.version = self._shadow.look()
        self.page = self._shadow.page(self.version)
        self.ended = self._shadow.ended
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        self._closing = threading.Event()
        self._threads = [
            threading.Thread(target=target, daemon=True) for target in (self._server.serve_forever, self._follow)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def address(self) -> str:
        """The page's address."""
        return f"http://127.0.0.1:{self._server.server_port}{self.path}"

    @property
    def path(self) -> str:
        """The path under which all is served; it holds the token."""
        return f"/{self._token}/"

    def _follow(self) -> None:
        pause_s = LOOK_EVERY_S
        while not self._closing.wait(pause_s):
            pause_s = LOOK_EVERY_S
            try:
                version = self._shadow.look()
                if version == self.version:
                    continue
                began_s = time.monotonic()
                self.page = self._shadow.page(version)
                self.version, self.ended = version, self._shadow.ended
                pause_s = max(LOOK_EVERY_S, PAUSE * (time.monotonic() - began_s))
            except Exception:  # the next look may succeed: a run's folder can be in the middle of a change
                traceback.print_exc()

    def close(self) -> None:
        """End the server, and remove what it has written."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._threads[1].join()
        self._scratch.cleanup()


def _handler(watch: Watch) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """The page, its version, or nothing for a path without the token."""
            if self.path == watch.path:
                self._answer(200, "text/html; charset=utf-8", watch.page.encode())
            elif self.path == f"{watch.path}version":
                state = {"version": watch.version, "ended": watch.ended}
                self._answer(200, "application/json", json.dumps(state).encode())
            else:
                self._answer(404, "text/plain", b"not here: the address has a token\n")

        def _answer(self, code: int, kind: str, body: bytes) -> None:
            self.send_response(code)
            headers = {"Content-Type": kind, "Content-Length": str(len(body)), "Cache-Control": "no-store",
                       "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}  # fmt: skip
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: Any) -> None:
            """Requests are not printed: they hold the token."""

    return Handler
