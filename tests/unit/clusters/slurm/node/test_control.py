"""The wire between launchers: who knows the token is heard, and nobody else holds anybody up."""

from __future__ import annotations

import json
import pickle
import queue
import socket
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge
from typing import Any

import pytest

from perch.clusters.slurm.node import control
from perch.clusters.slurm.node.control import Server, Wire, connect

Events = queue.SimpleQueue[Any]
WAIT_S = 600


@pytest.fixture
def at_head() -> Events:
    return queue.SimpleQueue()


@pytest.fixture
def server(at_head: Events) -> Iterator[Server]:
    made = Server("127.0.0.1", 0, "secret", at_head)
    yield made
    made.close()


def authenticated(server: Server) -> Connection:
    """A connection of somebody who knows the token, and has said nothing else yet."""
    known = Connection(socket.create_connection(server.address).detach())
    answer_challenge(known, b"secret")
    deliver_challenge(known, b"secret")
    return known


def test_worker_and_head_talk_and_notice_a_broken_wire(server: Server, at_head: Events) -> None:
    at_worker: Events = queue.SimpleQueue()
    server.announce({"ray": "up"})
    wire = connect(*server.address, "secret", 3, at_worker)
    wire.send({"state": "ready"})
    assert at_head.get(timeout=WAIT_S) == (("worker", 3), {"state": "ready"})
    assert at_worker.get(timeout=WAIT_S) == ("head", {"ray": "up"})
    server.broadcast({"end": True})
    assert at_worker.get(timeout=WAIT_S) == ("head", {"end": True})
    wire.close()
    assert at_head.get(timeout=WAIT_S) == (("worker", 3), None)
    assert not wire.send({"state": "ready"})


def test_a_worker_notices_that_the_head_is_gone(server: Server) -> None:
    at_worker: Events = queue.SimpleQueue()
    server.announce({"ray": "up"})
    wire = connect(*server.address, "secret", 3, at_worker)
    assert at_worker.get(timeout=WAIT_S) == ("head", {"ray": "up"})
    server.close()
    assert at_worker.get(timeout=WAIT_S) == ("head", None)
    wire.close()


def test_the_wire_runs_over_ipv6(at_head: Events) -> None:
    try:
        server = Server("::1", 0, "secret", at_head)
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")
    wire = connect(*server.address, "secret", 1, queue.SimpleQueue())
    wire.send({"state": "ready"})
    assert at_head.get(timeout=WAIT_S) == (("worker", 1), {"state": "ready"})
    wire.close()
    server.close()


def test_a_worker_that_does_not_know_the_token_is_refused(server: Server, at_head: Events) -> None:
    with pytest.raises(ConnectionError, match="rejected"):
        connect(*server.address, "guess", 3, queue.SimpleQueue())
    assert at_head.empty()


def test_a_head_that_does_not_know_the_token_is_refused() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    ours = socket.create_connection(listener.getsockname())
    theirs = Connection(listener.accept()[0].detach())

    def impostor() -> None:
        """Welcomes whatever the worker answers, and guesses when it is asked."""
        theirs.send_bytes(b"#CHALLENGE#" + bytes(20))
        theirs.recv_bytes(256)
        theirs.send_bytes(b"#WELCOME#")
        theirs.recv_bytes(256)
        theirs.send_bytes(bytes(16))

    thread = threading.Thread(target=impostor)
    thread.start()
    with pytest.raises(ConnectionError, match="digest"):
        Wire(ours).authenticate("secret", listens=False)
    thread.join()
    theirs.close()
    listener.close()


def test_a_silent_stranger_holds_up_nobody(server: Server, at_head: Events) -> None:
    with socket.create_connection(server.address):
        wire = connect(*server.address, "secret", 1, queue.SimpleQueue())
        wire.send({"state": "ready"})
        assert at_head.get(timeout=WAIT_S) == (("worker", 1), {"state": "ready"})
    wire.close()


def test_a_silent_stranger_is_cut_off(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "_HANDSHAKE_S", 0.1)
    with socket.create_connection(server.address, timeout=WAIT_S) as stranger:
        while stranger.recv(4096):
            pass  # its challenge, then the end


@pytest.mark.parametrize(
    "line", [b"GET / HTTP/1.1\r\nHost: head\r\n\r\n", b"\x7f\xff\xff\xff", b"\x00\x00\x00\x04abcd"]
)
def test_a_stranger_who_speaks_something_else_is_cut_off(server: Server, at_head: Events, line: bytes) -> None:
    with socket.create_connection(server.address, timeout=WAIT_S) as stranger:
        stranger.sendall(line)
        try:
            while stranger.recv(4096):
                pass
        except ConnectionResetError:
            pass
    wire = connect(*server.address, "secret", 1, queue.SimpleQueue())
    wire.send({"state": "ready"})
    assert at_head.get(timeout=WAIT_S) == (("worker", 1), {"state": "ready"})
    wire.close()


@pytest.mark.parametrize(
    "said",
    [
        pickle.dumps({"state": "ready"}),
        b"not JSON",
        json.dumps(["a", "list"]).encode(),
        json.dumps({"state": "x" * 70_000}).encode(),
    ],
)
def test_what_is_no_short_json_object_ends_the_wire(server: Server, at_head: Events, said: bytes) -> None:
    worker = authenticated(server)
    worker.send_bytes(json.dumps({"node": 2}).encode())
    worker.send_bytes(said)
    assert at_head.get(timeout=WAIT_S) == (("worker", 2), None)
    worker.close()


def test_a_worker_that_does_not_say_which_it_is_is_not_followed(server: Server, at_head: Events) -> None:
    worker = authenticated(server)
    worker.send_bytes(json.dumps({"node": "two"}).encode())
    with pytest.raises((EOFError, ConnectionResetError)):
        worker.recv_bytes()
    assert at_head.empty()


def test_a_node_that_vanishes_is_noticed_within_half_a_minute() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    ours = socket.create_connection(listener.getsockname())
    Wire(ours)
    assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    idle, every, count = (
        ours.getsockopt(socket.IPPROTO_TCP, o) for o in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
    )
    assert idle + every * count <= 30
    ours.close()
    listener.close()
