"""Serving the page on this machine alone, under a random path."""

from __future__ import annotations

import json
import secrets
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from perch.errors import PerchError
from perch.log.asking import ask
from perch.log.requests import Answer
from perch.watch.guarded import Refused, from_here, read_request
from perch.watch.shadow import Shadow

LOOK_EVERY_S = 1.0
CLOSED_WITHIN_S = 0.1
ANSWER_S = 60.0
"""So long the page waits for the run's answer to a request."""
PAUSE = 10
"""A page is made at most once in so many times as long as it took: a large run's is made less often."""


class Watch:
    """Follows a run in a thread and serves its page. ``address`` is where; ``close`` ends it."""

    def __init__(self, run: Path, *, port: int = 0) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="perch-watch-")
        self._shadow = Shadow(run, Path(self._scratch.name))
        self.token = secrets.token_urlsafe(16)
        self.version = self._shadow.look()
        self.page = self._shadow.page(self.version)
        self.ended = self._shadow.ended
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        self._closing = threading.Event()
        self._threads = [
            threading.Thread(target=self._server.serve_forever, args=(CLOSED_WITHIN_S,), daemon=True),
            threading.Thread(target=self._follow, daemon=True),
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
        return f"/{self.token}/"

    def ask(self, request: Mapping[str, Any]) -> Answer:
        """Ask the run; what keeps it from answering is an answer too."""
        words = {key: value for key, value in request.items() if key != "do"}
        try:
            return ask(self._shadow.run.path, str(request["do"]), words, wait_s=ANSWER_S)
        except PerchError as error:
            return Answer(False, error.what, error.why, error.fix)

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
            if not from_here(self):
                self._answer(403, "text/plain", b"this page is for the machine that serves it\n")
            elif self.path == watch.path:
                self._answer(200, "text/html; charset=utf-8", watch.page.encode())
            elif self.path == f"{watch.path}version":
                state = {"version": watch.version, "ended": watch.ended}
                self._answer(200, "application/json", json.dumps(state).encode())
            else:
                self._answer(404, "text/plain", b"not here: the address has a token\n")

        def do_POST(self) -> None:
            """A request to the run, from the page alone."""
            found = read_request(self, watch.token)
            if isinstance(found, Refused):
                self._answer(found.code, "text/plain", found.words.encode())
                return
            self._answer(200, "application/json", json.dumps(asdict(watch.ask(found))).encode())

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
