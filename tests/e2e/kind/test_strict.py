"""Clusters that grant little: a user with the documented Role alone, a random user id, TLS between Ray's pods, a quota on disk."""

from __future__ import annotations

import base64
import datetime
import json
import logging
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.e2e.kind.bring_up import ROOT
from tests.e2e.kind.kit import Kit
from tests.e2e.kind.test_client import STUDY

pytestmark = [pytest.mark.kind, pytest.mark.timeout(1800)]
log = logging.getLogger("e2e")

ROLE = ROOT / "manifests" / "role.yaml"
SMALL = (
    "--single-node", "--size", "2Gi", "--head-cpus", "500m", "--head-memory", "2Gi", "--cpus", "500m", "--memory", "2Gi",
)  # fmt: skip
UID = 1000660000
"""As OpenShift hands out: a number that no image knows."""


def user(kit: Kit, name: str, rules: Sequence[object], folder: Path) -> Kit:
    """A new user of the namespace who has these rights and no others, with a kubeconfig of their own."""
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": name},
        "rules": list(rules),
    }
    kit.kubectl("create", "serviceaccount", name)
    kit.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(role))
    kit.kubectl("create", "rolebinding", name, f"--role={name}", f"--serviceaccount={kit.namespace}:{name}")
    token = kit.kubectl("create", "token", name, "--duration=1h").strip()
    config = yaml.safe_load(Path(kit.cluster.environment["KUBECONFIG"]).read_text())
    config["users"] = [{"name": name, "user": {"token": token}}]
    config["contexts"] = [
        {"name": name, "context": {"cluster": config["clusters"][0]["name"], "user": name, "namespace": kit.namespace}}
    ]
    config["current-context"] = name
    path = folder / f"{name}.kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return Kit(replace(kit.cluster, environment={**kit.cluster.environment, "KUBECONFIG": str(path)}), kit.namespace)


def perch(as_whom: Kit, *arguments: str, seconds: float = 900) -> subprocess.CompletedProcess[str]:
    """``perch k8s`` as that user types it."""
    command = [sys.executable, "-m", "perch.cli.main", "k8s", *arguments]
    environment = as_whom.cluster.environment
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=seconds)
    log.info("perch k8s %s: exit code %d", " ".join(arguments[:2]), done.returncode)
    return done


@pytest.fixture
def study(tmp_path: Path) -> str:
    """A small study, and modules that travel with it."""
    (tmp_path / "study.yaml").write_text(STUDY)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "sent_along.py").write_text("SENT = True\n")
    return str(tmp_path / "study.yaml")


def test_every_client_command_works_with_the_documented_role_alone(kit: Kit, study: str, tmp_path: Path) -> None:
    ada = user(kit, "ada", yaml.safe_load(ROLE.read_text())["rules"], tmp_path)
    code = ("--code", str(tmp_path / "code"))
    send = ("submit", study, "--run-id", "sent", "--image", kit.cluster.image, *code, *SMALL)
    done = perch(ada, *send)
    assert done.returncode == 0, done.stdout + done.stderr
    assert perch(ada, "status", "sent").stdout.startswith("sent: running since")
    head = kit.pod("sent", "head")
    assert kit.shell(head, "python -c 'import sent_along; print(sent_along.SENT)'").strip() == "True"
    kit.until("a result", lambda: '"e":"result"' in kit.shell(head, "cat /results/sent/events/*", check=False), 300)
    stopped = perch(ada, "stop", "sent")
    assert stopped.stdout == "sent: interrupted\n", stopped.stdout + stopped.stderr
    assert "perch k8s submit STUDY.yaml --run-id sent" in perch(ada, "logs", "sent").stdout, "how the run goes on"
    again = perch(ada, *send, "--wait")
    assert again.returncode == 0, again.stdout + again.stderr
    fetched = perch(ada, "fetch", "sent", "--to", str(tmp_path / "sent"))
    assert fetched.returncode == 0, fetched.stdout + fetched.stderr
    assert json.loads((tmp_path / "sent" / "summary.json").read_text())["trials"] == 40
    removed = perch(ada, "stop", "sent", "--remove")
    assert removed.returncode == 0, removed.stdout + removed.stderr
    assert "forbidden" in ada.kubectl("get", "secrets", check=False).lower(), "nothing more than the Role"


@pytest.mark.parametrize(
    ("lacking", "command"),
    [
        ("rayjobs", "status"),
        ("persistentvolumeclaims", "submit"),
        ("networkpolicies", "submit"),
    ],
)
def test_a_right_that_is_missing_is_named_with_what_grants_it(
    kit: Kit, study: str, tmp_path: Path, lacking: str, command: str
) -> None:
    rules = [rule for rule in yaml.safe_load(ROLE.read_text())["rules"] if lacking not in rule["resources"]]
    eve = user(kit, f"eve-{lacking}", rules, tmp_path)
    words = (
        (study, "--run-id", "refused", "--image", kit.cluster.image, *SMALL) if command == "submit" else ("refused",)
    )
    done = perch(eve, command, *words)
    assert done.returncode == 2, done.stdout + done.stderr
    assert f"on '{lacking}'" in done.stderr
    assert "manifests/role.yaml" in done.stderr
    assert "refused" not in kit.kubectl("get", "rayjobs", "-o", "name")


def authority() -> tuple[bytes, bytes]:
    """Certificate and key of a CA."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "perch e2e")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    return (
        made.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain),
    )


def test_a_random_user_with_tls_under_a_quota_on_disk(kit: Kit) -> None:
    certificate, key = (base64.b64encode(part).decode() for part in authority())
    secret = {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "our-ca"}, "type": "kubernetes.io/tls",
        "data": {"tls.crt": certificate, "tls.key": key},
    }  # fmt: skip
    kit.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(secret))
    defaults = {
        "default": {"ephemeral-storage": "1Gi"},
        "defaultRequest": {"ephemeral-storage": "64Mi"},
        "type": "Container",
    }
    limits = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "disk"}, "spec": {"limits": [defaults]}}
    kit.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(limits))  # for the init container that the operator adds
    kit.kubectl("create", "quota", "disk", "--hard=requests.ephemeral-storage=8Gi,limits.ephemeral-storage=60Gi")
    ids = ",".join(f"podSecurityContext.{name}={UID}" for name in ("runAsUser", "fsGroup"))
    kit.install("strict", "--set", f"{ids},tls.enabled=true,tls.caSecret=our-ca,trials=4,timeBudget=")
    head = kit.pod("strict", "head", seconds=300)
    assert kit.shell(head, "id -u").strip() == str(UID)
    assert kit.shell(head, "echo $RAY_USE_TLS").strip() == "1"
    plain = "import socket; s = socket.create_connection(('127.0.0.1', 6379), 5); s.settimeout(5); s.sendall(b'PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n'); print(len(s.recv(64)))"
    assert kit.shell(head, f'python -c "{plain}"', check=False).strip() in ("0", ""), "nobody answers without TLS"
    status = kit.finished("strict")
    assert status.succeeded, kit.state()
    kit.helm("uninstall", "strict", "--wait")
    kit.kubectl("delete", "quota/disk", "limitrange/disk")
