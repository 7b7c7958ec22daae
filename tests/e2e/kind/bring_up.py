"""A real cluster for the tests: the one that is given, the lab's, or a kind cluster of our own.

Whatever keeps a cluster from coming up is a reason to skip, never a failure: the tests are about the chart and the study.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
LAB = ROOT.parent / "shared" / "lab" / "kind"
IMAGE = os.environ.get("PERCH_E2E_IMAGE", "localhost/perch:dev")
BRING_UP_S = float(os.environ.get("PERCH_E2E_BRING_UP_S", "1500"))
"""Seconds that cluster, image and operator may take together; then the tests are skipped."""
KUBERAY_VERSION = "1.6.1"
OWN_CLUSTER = "perch-e2e"

log = logging.getLogger("e2e")


class NoCluster(Exception):
    """Why there is no cluster, and how to get one."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """What tools and clients need: environment variables, and the image as the nodes know it."""

    environment: dict[str, str]
    image: str


def bring_up() -> Cluster:
    """Return a cluster with the operator and the image in it, or raise NoCluster."""
    end = time.monotonic() + BRING_UP_S
    if os.environ.get("PERCH_E2E_KUBECONFIG"):
        return _tools_there(Cluster({**os.environ, "KUBECONFIG": os.environ["PERCH_E2E_KUBECONFIG"]}, IMAGE))
    if (LAB / "up").exists():
        return _lab(end)
    return _own(end)


def _lab(end: float) -> Cluster:
    if os.geteuid() != 0:
        raise NoCluster("the lab needs root")
    if not shutil.which("go"):
        raise NoCluster("the lab needs Go to build Kubernetes")
    _image_there(end)
    printed = _call("the lab's cluster", [str(LAB / "up")], end)
    environment = dict(os.environ)
    for word in printed.strip().splitlines()[-1].removeprefix("export ").split():
        name, _, value = word.partition("=")
        environment[name] = value.replace("$PATH", os.environ["PATH"])
    wanted = _call("the image's id", ["podman", "image", "inspect", "--format", "{{.Id}}", IMAGE], end).strip()
    listed = _call("the node's images", ["podman", "exec", "lab-control-plane", "crictl", "images", "-v"], end)
    if wanted.removeprefix("sha256:") not in listed:
        _call("loading the image into the cluster", [str(LAB / "load"), IMAGE], end)
    return _tools_there(Cluster(environment, IMAGE))


def _own(end: float) -> Cluster:
    for name in ("kind", "kubectl", "helm"):
        if not shutil.which(name):
            raise NoCluster(f"{name} is not on PATH, and there is no lab; give a cluster by PERCH_E2E_KUBECONFIG")
    engine = _image_there(end)
    environment = {**os.environ, "KIND_EXPERIMENTAL_PROVIDER": engine}
    config = ROOT / "build" / "e2e-kind" / "kubeconfig"
    config.parent.mkdir(parents=True, exist_ok=True)
    environment["KUBECONFIG"] = str(config)
    if OWN_CLUSTER not in _call("kind's clusters", ["kind", "get", "clusters"], end, environment).split():
        _call(
            "a kind cluster", ["kind", "create", "cluster", "--name", OWN_CLUSTER, "--wait", "180s"], end, environment
        )
    _call("its kubeconfig", ["kind", "export", "kubeconfig", "--name", OWN_CLUSTER], end, environment)
    archive = config.parent / "image.tar"
    _call("saving the image", [engine, "save", IMAGE, "-o", str(archive)], end)
    _call("loading the image", ["kind", "load", "image-archive", str(archive), "--name", OWN_CLUSTER], end, environment)
    archive.unlink()
    operator = [
        "helm", "upgrade", "--install", "kuberay-operator", "kuberay-operator", "--version", KUBERAY_VERSION,
        "--repo", "https://ray-project.github.io/kuberay-helm/", "--namespace", "kuberay-system", "--create-namespace",
        "--wait",
    ]  # fmt: skip
    _call("the KubeRay operator", operator, end, environment)
    return Cluster(environment, IMAGE)


def _image_there(end: float) -> str:
    """Return the engine that has the image; build the image where it is missing."""
    engines = [name for name in ("podman", "docker") if shutil.which(name)]
    if not engines:
        raise NoCluster("neither podman nor docker is on PATH")
    for engine in engines:
        if subprocess.run([engine, "image", "inspect", IMAGE], capture_output=True, check=False).returncode == 0:
            return engine
    _call("the image (make image)", ["make", "-C", str(ROOT), "image"], end)
    return engines[0]


def _tools_there(cluster: Cluster) -> Cluster:
    for name in ("kubectl", "helm"):
        if not shutil.which(name, path=cluster.environment["PATH"]):
            raise NoCluster(f"{name} is not on PATH")
    return cluster


def _call(what: str, command: list[str], end: float, environment: dict[str, str] | None = None) -> str:
    """Run a step of the set-up, telling how it goes; its failure or the end of the time is a reason to skip."""
    left = end - time.monotonic()
    if left <= 0:
        raise NoCluster(f"no time was left for {what} (PERCH_E2E_BRING_UP_S={BRING_UP_S:.0f})")
    log.info("%s (at most %.0f s more)", what, left)
    start = time.monotonic()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )
    lines: list[str] = []

    def tell() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            lines.append(line.rstrip())
            log.info("  %s", line.rstrip()[:160])

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        printed = _wait(process, left)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 15)
        raise NoCluster(f"{what} took longer than {left:.0f} s; start it by hand: {' '.join(command)}") from None
    teller.join(5)
    if process.returncode:
        raise NoCluster(f"{what} failed: {' '.join(command)}: {' / '.join(lines[-3:])}")
    log.info("  took %.0f s", time.monotonic() - start)
    return printed


def _wait(process: subprocess.Popen[str], seconds: float) -> str:
    """Return what the process printed; its stderr is read by another thread."""
    assert process.stdout is not None
    printed: list[str] = []
    reader = threading.Thread(target=lambda: printed.extend(process.stdout or ()), daemon=True)
    reader.start()
    process.wait(timeout=seconds)
    reader.join(5)
    return "".join(printed)
