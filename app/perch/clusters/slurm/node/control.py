"""The launchers' own wire: workers report to the head, the head tells them when to end, and a broken wire is news.

JSON over ``multiprocessing.connection``, after both sides have proved to each other that they know the job's token.
A file in the job's folder would do the same through a network file system's caches, seconds later.
"""

from __future__ import annotations

import json
import os
import queue
import socket
import threading
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge
from typing import Any, Final

Message = dict[str, Any]
_HANDSHAKE_S: Final = 10.0
_LONGEST_BYTES: Final = 65_536


class Wire:
    """One connection: sends messages, and puts what arrives into a queue as ``(name, message)``; None when it breaks."""

    def __init__(self, connected: socket.socket) -> None:
        connected.settimeout(None)
        _keep_alive(connected)
        self._socket = connected
        self._connection = Connection(os.dup(connected.fileno()))
        self._sending = threading.Lock()

    def authenticate(self, token: str, *, listens: bool) -> None:
        """Let each side prove that it knows the token. Raises ConnectionError where one does not, in a few seconds."""
        steps = (deliver_challenge, answer_challenge)
        deadline = threading.Timer(_HANDSHAKE_S, self.close)
        deadline.daemon = True
        deadline.start()
        try:
            for step in steps if listens else reversed(steps):
                step(self._connection, token.encode())
        except (AuthenticationError, AssertionError, EOFError, OSError) as error:
            self.close()
            raise ConnectionError(str(error) or "the other side closed the connection") from error
        finally:
            deadline.cancel()

    def send(self, message: Message) -> bool:
        """Send; False when the other side is gone."""
        try:
            with self._sending:
                self._connection.send_bytes(json.dumps(message).encode())
        except OSError:
            return False
        return True

    def receive(self) -> Message | None:
        """The next message; None when the other side is gone or speaks something else."""
        try:
            message = json.loads(self._connection.recv_bytes(_LONGEST_BYTES))
        except (EOFError, OSError, ValueError):
            return None
        return message if isinstance(message, dict) else None

    def follow(self, name: object, events: queue.SimpleQueue[Any]) -> None:
        """Read in a thread until the wire breaks."""

        def read() -> None:
            while (message := self.receive()) is not None:
                events.put((name, message))
            events.put((name, None))

        threading.Thread(target=read, daemon=True, name=f"wire-{name}").start()

    def close(self) -> None:
        """Cut the connection: whoever reads sees the end, and whoever sends an error.

        The file descriptor that is read from is closed with the last reference, not under a reader.
        """
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


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
                connected, _ = self._listener.accept()
            except OSError:
                return  # closed
            # A thread each: a stranger who connects and stays silent holds up nobody.
            threading.Thread(target=self._greet, args=(connected,), daemon=True).start()

    def _greet(self, connected: socket.socket) -> None:
        wire = Wire(connected)
        with suppress(ConnectionError):
            wire.authenticate(self._token, listens=True)
            hello = wire.receive()
            node = hello.get("node") if hello else None
            if isinstance(node, int):
                self._welcome(node, wire)
            else:
                wire.close()

    def _welcome(self, node: int, wire: Wire) -> None:
        with self._lock:
            self._wires[node] = wire
            announced = self._announced
        if announced is not None:
            wire.send(announced)
        wire.follow(("worker", node), self._events)


def connect(ip: str, port: int, token: str, node: int, events: queue.SimpleQueue[Any]) -> Wire:
    """A worker's side. Events in the queue are named ``"head"``.

    Raises OSError when the head cannot be reached, or when one side does not know the token.
    """
    wire = Wire(socket.create_connection((ip, port), timeout=_HANDSHAKE_S))
    wire.authenticate(token, listens=False)
    wire.send({"node": node})
    wire.follow("head", events)
    return wire


def _keep_alive(connected: socket.socket) -> None:
    """Notice within half a minute that the other node has gone without a word."""
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)
