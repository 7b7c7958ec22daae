"""The certificate that each pod makes for itself."""

from __future__ import annotations

import contextlib
import datetime
import os
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.patience import LIMIT_S

x509 = pytest.importorskip("cryptography.x509")
SCRIPT = Path(__file__).parents[3] / "charts" / "perch" / "files" / "tls.py"


def authority(folder: Path) -> Path:
    """A CA as its secret shows it in the pods."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a CA")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - datetime.timedelta(hours=1))
    builder = builder.not_valid_after(now + datetime.timedelta(days=1))
    made = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(
        key, hashes.SHA256()
    )
    folder.mkdir()
    (folder / "tls.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    (folder / "tls.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    return folder


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """What the script leaves for a pod at 127.0.0.1."""
    ca, out = authority(tmp_path / "ca"), tmp_path / "out"
    out.mkdir()
    told = {"CA": str(ca), "OUT": str(out), "POD_IP": "10.1.2.3", "NAMESPACE": "science"}
    subprocess.run([sys.executable, str(SCRIPT)], env={**os.environ, **told}, check=True, timeout=LIMIT_S)
    return out


def greeted(made: Path, name: str) -> None:
    """A handshake in which both sides show their certificate and look at the other's name."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(made / "tls.crt", made / "tls.key")
    server.load_verify_locations(made / "ca.crt")
    server.verify_mode = ssl.CERT_REQUIRED
    client = ssl.create_default_context(cafile=str(made / "ca.crt"))
    client.load_cert_chain(made / "tls.crt", made / "tls.key")
    ours, theirs = socket.socketpair()

    def serve() -> None:
        with (
            contextlib.suppress(OSError),
            server.wrap_socket(theirs, server_side=True) as peer,
        ):  # the client may refuse
            peer.recv(1)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with client.wrap_socket(ours, server_hostname=name) as peer:
        peer.sendall(b"x")
    thread.join(LIMIT_S)


@pytest.mark.parametrize("name", ["10.1.2.3", "127.0.0.1", "localhost", "oh-x-head-svc.science.svc.cluster.local"])
def test_a_pod_is_known_by_its_address_and_by_the_services_of_its_namespace(made: Path, name: str) -> None:
    greeted(made, name)


@pytest.mark.parametrize("name", ["10.1.2.4", "oh-x-head-svc.elsewhere.svc.cluster.local"])
def test_it_is_no_other(made: Path, name: str) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        greeted(made, name)


def test_the_key_is_closed_and_the_certificate_ends_with_its_authority(made: Path) -> None:
    assert (made / "tls.key").stat().st_mode & 0o077 == 0
    ends = [
        x509.load_pem_x509_certificate((made / name).read_bytes()).not_valid_after_utc for name in ("tls.crt", "ca.crt")
    ]
    assert ends[0] <= ends[1]
