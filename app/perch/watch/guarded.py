"""Which requests the served page may make: from this machine, from the page itself, with its token, and of a known form.

A page of another site that is open in the same browser can send requests here too. It cannot read the page and so does not know
the token; it cannot set a header of its own without asking first, which is never allowed; and its origin is another one. A name
that is made to point to this machine (DNS rebinding) is refused by its host.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any, Final
from urllib.parse import urlsplit

from perch.fields import seconds
from perch.log.asking import DOINGS

MOST_BYTES: Final = 16 * 1024
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Refused:
    """Why a request is not passed on."""

    code: int
    words: str


def from_here(asked: BaseHTTPRequestHandler) -> bool:
    """True where the host that was asked for is this machine itself, at whatever port: a tunnel may have another."""
    try:
        return urlsplit(f"//{asked.headers.get('Host', '')}").hostname in LOOPBACK
    except ValueError:
        return False


def read_request(asked: BaseHTTPRequestHandler, token: str) -> dict[str, Any] | Refused:
    """The request in the body of a POST, checked; nothing of it has been done."""
    if not from_here(asked) or asked.headers.get("Origin") != f"http://{asked.headers['Host']}":
        return Refused(403, "requests come from the page itself\n")
    given = asked.headers.get("X-Perch-Token", "")
    if asked.path != f"/{token}/ask" or not hmac.compare_digest(given.encode(), token.encode()):
        return Refused(404, "not here: the address has a token\n")
    if asked.headers.get("Content-Type", "").partition(";")[0].strip() != "application/json":
        return Refused(415, "a request is JSON\n")
    length = asked.headers.get("Content-Length", "")
    if not length.isdecimal() or int(length) > MOST_BYTES:
        return Refused(413, f"a request has {MOST_BYTES} bytes at most, and says how many\n")
    try:
        found = json.loads(asked.rfile.read(int(length)))
        wanted = {name.strip() for name in DOINGS[found["do"]].split(",") if name}
        if set(found) != {"do", *wanted}:
            raise ValueError(f"'{found['do']}' takes {DOINGS[found['do']] or 'nothing else'}")
        if found.get("time") is not None:
            found["time"] = float(seconds(found["time"]))
    except (ValueError, KeyError, TypeError) as error:
        return Refused(400, f"this is no request: {error}\n")
    return dict(found)
