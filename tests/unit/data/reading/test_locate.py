"""Paths beside the study, and addresses with a checksum, fetched from a real https server."""

from __future__ import annotations

import hashlib
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from perch.data.reading.locate import locate
from perch.errors import DataError
from perch.study import DataSpec


class Quiet(SimpleHTTPRequestHandler):
    """Says nothing on standard error."""

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    """An https server on this machine whose certificate is trusted for the test, and the folder that it serves."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate, and is not installed")
    folder = tmp_path / "served"
    folder.mkdir()
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-keyout",
        key,
        "-out",
        certificate,
        *subject,
    ]
    subprocess.run(command, check=True, capture_output=True)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    for proxy in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    web = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    web.socket = context.wrap_socket(web.socket, server_side=True)
    thread = threading.Thread(target=web.serve_forever, daemon=True)
    thread.start()
    yield f"https://localhost:{web.server_address[1]}", folder
    web.shutdown()
    web.server_close()
    thread.join()


def spec(path: str, checksum: str | None = None) -> DataSpec:
    return DataSpec(source="extxyz", path=path, checksum=checksum)


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def test_an_address_is_fetched_once(server: tuple[str, Path], tmp_path: Path) -> None:
    address, folder = server
    (folder / "set.extxyz").write_bytes(b"data")
    wanted = spec(f"{address}/set.extxyz", sha256(b"data"))
    path = locate(wanted, tmp_path, tmp_path / "cache")
    assert path is not None
    assert path.read_bytes() == b"data"
    assert path.name == "set.extxyz"
    (folder / "set.extxyz").unlink()
    assert locate(wanted, tmp_path, tmp_path / "cache") == path


def test_other_content_is_refused(server: tuple[str, Path], tmp_path: Path) -> None:
    address, folder = server
    (folder / "set.extxyz").write_bytes(b"other")
    with pytest.raises(DataError, match="does not have the checksum"):
        locate(spec(f"{address}/set.extxyz", sha256(b"data")), tmp_path, tmp_path / "cache")


def test_an_address_that_answers_with_nothing(server: tuple[str, Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot fetch"):
        locate(spec(f"{server[0]}/none.extxyz", sha256(b"data")), tmp_path, tmp_path / "cache")


@pytest.mark.parametrize(
    ("path", "checksum", "what"),
    [
        ("http://example.org/a.extxyz", sha256(b""), "is not an https address"),
        ("ftp://example.org/a.extxyz", sha256(b""), "is not an https address"),
        ("https://example.org/a.extxyz", None, "needs a checksum"),
        ("https://example.org/a.extxyz", "md5:123", "needs a checksum"),
        ("https://example.org/a.extxyz", "sha256:123", "needs a checksum"),
    ],
)
def test_addresses_that_are_refused_before_anything_is_fetched(
    path: str, checksum: str | None, what: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=what):
        locate(spec(path, checksum), tmp_path, tmp_path)


def test_a_path_is_seen_from_the_study_file(tmp_path: Path) -> None:
    folder = tmp_path / 'with space, ü and "quotes"'
    folder.mkdir()
    (folder / "a.extxyz").write_text("x")
    assert locate(spec("a.extxyz"), folder, tmp_path) == folder / "a.extxyz"


def test_a_path_that_does_not_exist_says_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "mine.extxyz").write_text("x")
    with pytest.raises(DataError, match="does not exist") as caught:
        locate(spec("mien.extxyz"), tmp_path, tmp_path)
    assert "mine.extxyz" in caught.value.why
