"""The launchers' own wire: workers report to the head, the head tells them when to end, and a broken wire is news.

Lines of JSON over TCP. The head opens with a nonce; a worker answers with its HMAC under the job's token, or is dropped.
A file in the job's folder would do the same through a network file system's caches, seconds later.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import secrets
import socket
import threading
from contextlib import suppress
from typing import Any, Final

Message = dict[str, Any]
_HANDSHAKE_S: Final = 10.0


class Wire:
    """One connection: sends messages, and puts what arrives into a queue as ``(name, message)``; None when it breaks."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lines = connection.makefile("rb")
        self._sending = threading.Lock()

    def send(self, message: Message) -> bool:
        """Send; False when the other side is gone."""
        try:
            with self._sending:
                self._connection.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            return False
        return True

    def receive(self) -> Message | None:
        """The next message; None when the other side is gone or speaks something else."""
        try:
            line = self._lines.readline(65_536)
            message = json.loads(line) if line else None
        except (OSError, ValueError):
            return None
        return message if isinstance(message, dict) else None

    def follow(self, name: object, events: queue.SimpleQueue[Any]) -> None:
        """Read in a thread until the wire breaks."""
        self._connection.settimeout(None)

        def read() -> None:
            while (message := self.receive()) is not None:
                events.put((name, message))
            events.put((name, None))

        threading.Thread(target=read, daemon=True, name=f"wire-{name}").start()

    def close(self) -> None:
        """Close; whoever reads sees the end."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()


class Server:
    """The head's side. Events in the queue are named ``("worker", node)``."""

    def __init__(self, ip: str, port: int, token: str, events: queue.SimpleQueue[Any]) -> None:
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        self._listener = socket.create_server((ip, port), family=family, backlog=512)
        self._token, self._events = token, events
        self._wires: dict[int, Wire] = {}
        self._announced: Message | None = None
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True, name="control").start()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        ip, port = self._listener.getsockname()[:2]
        return str(ip), int(port)

    def broadcast(self, message: Message) -> None:
        """Tell every connected worker."""
        for wire in list(self._wires.values()):
            wire.send(message)

    def announce(self, message: Message) -> None:
        """Tell every worker, also those that connect later."""
        with self._lock:
            self._announced = message
            wires = list(self._wires.values())
        for wire in wires:
            wire.send(message)

    def close(self) -> None:
        """Stop listening and cut all wires."""
        self._listener.close()
        for wire in list(self._wires.values()):
            wire.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # closed
            # A thread each: a stranger who connects and stays silent holds up nobody.
            threading.Thread(target=self._greet, args=(connection,), daemon=True).start()

    def _greet(self, connection: socket.socket) -> None:
        connection.settimeout(_HANDSHAKE_S)
        _keep_alive(connection)
        wire, nonce = Wire(connection), secrets.token_hex(16)
        wire.send({"nonce": nonce})
        answer = wire.receive()
        node = answer.get("node") if answer else None
        if (
            not answer
            or not isinstance(node, int)
            or not hmac.compare_digest(str(answer.get("mac")), _mac(self._token, nonce, node))
        ):
            wire.close()
            return
        with self._lock:
            self._wires[node] = wire
            announced = self._announced
        if announced is not None:
            wire.send(announced)
        wire.follow(("worker", node), self._events)


def connect(ip: str, port: int, token: str, node: int, events: queue.SimpleQueue[Any]) -> Wire:
    """A worker's side. Events in the queue are named ``"head"``. Raises OSError when the head cannot be reached."""
    connection = socket.create_connection((ip, port), timeout=_HANDSHAKE_S)
    _keep_alive(connection)
    wire = Wire(connection)
    greeting = wire.receive()
    if greeting is None:
        raise ConnectionError(f"{ip}:{port} closed the connection")
    wire.send({"node": node, "mac": _mac(token, str(greeting.get("nonce")), node)})
    wire.follow("head", events)
    return wire


def _mac(token: str, nonce: str, node: int) -> str:
    return hmac.new(token.encode(), f"{nonce}:{node}".encode(), hashlib.sha256).hexdigest()


def _keep_alive(connection: socket.socket) -> None:
    """Notice within half a minute that the other node has gone without a word."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)
