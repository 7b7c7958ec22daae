"""A small API server in memory, for tests and for trying the client without a cluster.

It keeps objects, answers create, read, list, patch, delete and watch over real HTTP, and refuses what it is told to
refuse. It runs nothing: tests play the operator with ``put`` and ``remove``.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse

from tests.patience import LIMIT_S

Object = dict[str, Any]
Key = tuple[str, str, str]
"""Plural, namespace, name."""


class FakeCluster:
    """Use it as a context manager; ``client()`` returns a ``kubernetes`` ApiClient for it."""

    def __init__(self, namespaces: tuple[str, ...] = ("default",)) -> None:
        self.namespaces = set(namespaces)
        self.objects: dict[Key, Object] = {}
        self.logs: dict[str, str] = {}
        self._changes: list[tuple[str, Key, Object]] = []
        self._refusals: dict[tuple[str, str], tuple[int, str]] = {}
        self.requests: list[tuple[str, str]] = []
        """(method, plural) of every request; a watch has ``watch`` in the plural's place."""
        self.rights: set[tuple[str, str]] = set()
        """(verb, resource) of every request, as a Role names them."""
        self._changed = threading.Condition()
        self._closed = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True

    def __enter__(self) -> FakeCluster:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def client(self) -> Any:
        """Return an ApiClient that talks to this server."""
        from kubernetes import client

        host, port = self._server.server_address[:2]
        return client.ApiClient(client.Configuration(host=f"http://{host!s}:{port}"))

    def refuse(self, method: str, plural: str, code: int, message: str) -> None:
        """Answer every such request with an error from now on."""
        self._refusals[method, plural] = (code, message)

    def put(self, plural: str, obj: Object, namespace: str = "default") -> Object:
        """Create or replace an object, as an operator would; watchers hear of it."""
        key = (plural, namespace, obj["metadata"]["name"])
        with self._changed:
            old = self.objects.get(key)
            obj["metadata"].setdefault("uid", (old or {}).get("metadata", {}).get("uid") or str(uuid.uuid4()))
            obj["metadata"].setdefault("namespace", namespace)
            obj["metadata"].setdefault("creationTimestamp", datetime.now(UTC).isoformat().replace("+00:00", "Z"))
            obj["metadata"]["resourceVersion"] = str(len(self._changes) + 1)
            self.objects[key] = obj
            self._changes.append(("MODIFIED" if old else "ADDED", key, obj))
            self._changed.notify_all()
        return obj

    def update(self, plural: str, name: str, changes: Object, namespace: str = "default") -> None:
        """Merge ``changes`` into an object."""
        current = json.loads(json.dumps(self.objects[plural, namespace, name]))
        self.put(plural, merged(current, changes), namespace)

    def remove(self, plural: str, name: str, namespace: str = "default") -> None:
        """Delete an object and what it owns."""
        with self._changed:
            gone = self.objects.pop((plural, namespace, name))
            self._changes.append(("DELETED", (plural, namespace, name), gone))
            self._changed.notify_all()
        owned = [
            key
            for key, each in self.objects.items()
            if any(o["uid"] == gone["metadata"]["uid"] for o in each["metadata"].get("ownerReferences", []))
        ]
        for owned_plural, owned_namespace, owned_name in owned:
            self.remove(owned_plural, owned_name, owned_namespace)

    def names(self, plural: str) -> list[str]:
        """Return the names of all objects of a kind."""
        return sorted(name for kind, _, name in self.objects if kind == plural)

    def wait_for(self, plural: str, name: str, namespace: str = "default", seconds: float = LIMIT_S) -> Object:
        """Return the object once it is there."""
        with self._changed:
            there = self._changed.wait_for(lambda: (plural, namespace, name) in self.objects, seconds)
        if not there:
            raise TimeoutError(f"no {plural} '{name}' after {seconds:.0f} s")
        return self.objects[plural, namespace, name]

    def _changes_after(self, version: int, plural: str, namespace: str, end: float) -> list[tuple[str, Object]]:
        """Wait for changes of a kind after a version; empty when the time is over."""
        with self._changed:
            while True:
                news = [
                    (kind, obj)
                    for kind, key, obj in self._changes[version:]
                    if key[0] == plural and key[1] == namespace
                ]
                if news or self._closed or time.monotonic() >= end:
                    return news
                self._changed.wait(max(0.0, end - time.monotonic()))


def merged(old: Object, new: Object) -> Object:
    """Return a JSON merge patch applied."""
    for key, value in new.items():
        if value is None:
            old.pop(key, None)
        elif isinstance(value, dict) and isinstance(old.get(key), dict):
            old[key] = merged(old[key], value)
        else:
            old[key] = value
    return old


def _handler(cluster: FakeCluster) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Stay silent."""

        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def do_PATCH(self) -> None:
            self._answer("PATCH")

        def do_DELETE(self) -> None:
            self._answer("DELETE")

        def _answer(self, method: str) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            url = urlparse(self.path)
            query = {key: values[0] for key, values in parse_qs(url.query).items()}
            namespace, plural, name, sub = _parts(url.path)
            cluster.requests.append((method, "watch" if "watch" in query else plural))
            cluster.rights.add((_verb(method, name, query), f"{plural}/{sub}" if sub else plural))
            if refusal := cluster._refusals.get((method, plural)):
                self._error(*refusal)
            elif namespace not in cluster.namespaces and method == "POST":
                self._error(404, f'namespaces "{namespace}" not found')
            elif method == "GET" and sub == "log":
                self._send(200, cluster.logs.get(name, "").encode(), "text/plain")
            elif method == "GET" and not name:
                self._list(plural, namespace, query)
            elif method == "POST":
                self._create(plural, namespace, json.loads(body))
            else:
                self._one(method, plural, namespace, name, body)

        def _create(self, plural: str, namespace: str, obj: Object) -> None:
            if (plural, namespace, obj["metadata"]["name"]) in cluster.objects:
                self._error(409, f'{plural} "{obj["metadata"]["name"]}" already exists')
            else:
                if plural == "pods":
                    obj.setdefault("status", {"phase": "Pending"})
                self._json(201, cluster.put(plural, obj, namespace))

        def _one(self, method: str, plural: str, namespace: str, name: str, body: bytes) -> None:
            if (plural, namespace, name) not in cluster.objects:
                self._error(404, f'{plural} "{name}" not found')
            elif method == "DELETE":
                gone = cluster.objects[plural, namespace, name]
                cluster.remove(plural, name, namespace)
                self._json(200, gone if plural == "pods" else {"kind": "Status", "status": "Success"})
            else:
                if method == "PATCH":
                    cluster.update(plural, name, json.loads(body), namespace)
                self._json(200, cluster.objects[plural, namespace, name])

        def _list(self, plural: str, namespace: str, query: dict[str, str]) -> None:
            if query.get("watch") in {"true", "True"}:
                self._watch(plural, namespace, query)
                return
            with cluster._changed:
                version = str(len(cluster._changes))
                found = [o for (kind, where, _), o in cluster.objects.items() if (kind, where) == (plural, namespace)]
            found = [o for o in found if _selected(o, query)]
            self._json(200, {"kind": "List", "metadata": {"resourceVersion": version}, "items": found})

        def _watch(self, plural: str, namespace: str, query: dict[str, str]) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            end = time.monotonic() + float(query.get("timeoutSeconds", 60))
            version = int(query.get("resourceVersion") or 0)
            while news := cluster._changes_after(version, plural, namespace, end):
                version = len(cluster._changes)
                for kind, obj in news:
                    if _selected(obj, query):
                        self._chunk(json.dumps({"type": kind, "object": obj}).encode() + b"\n")
            self._chunk(b"")

        def _chunk(self, data: bytes) -> None:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()

        def _json(self, code: int, obj: Object) -> None:
            self._send(code, json.dumps(obj).encode(), "application/json")

        def _error(self, code: int, message: str) -> None:
            self._json(code, {"kind": "Status", "status": "Failure", "code": code, "message": message})

        def _send(self, code: int, body: bytes, kind: str) -> None:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def _verb(method: str, name: str, query: dict[str, str]) -> str:
    """What a Role calls a request."""
    if method == "GET" and not name:
        return "watch" if "watch" in query else "list"
    return {"GET": "get", "POST": "create", "PATCH": "patch", "DELETE": "delete"}[method]


def _parts(path: str) -> tuple[str, str, str, str]:
    """Split …/namespaces/NS/PLURAL[/NAME[/SUB]]."""
    _, _, rest = path.partition("/namespaces/")
    parts = [*rest.split("/"), "", "", "", ""]
    return parts[0], parts[1], parts[2], parts[3]


def _selected(obj: Object, query: dict[str, str]) -> bool:
    fields = dict(pair.split("=", 1) for pair in query.get("fieldSelector", "").split(",") if pair)
    labels = dict(pair.split("=", 1) for pair in query.get("labelSelector", "").split(",") if pair)
    own = obj["metadata"].get("labels") or {}
    named = fields.get("metadata.name") in {None, obj["metadata"]["name"]}
    typed = fields.get("type") in {None, obj.get("type")}
    return named and typed and all(own.get(key) == value for key, value in labels.items())
