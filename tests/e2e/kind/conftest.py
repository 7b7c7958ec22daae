"""A cluster for all tests, a namespace under the restricted standard for each file."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.kind.bring_up import ROOT, Cluster, NoCluster, bring_up
from tests.e2e.kind.kit import TREE, Kit

log = logging.getLogger("e2e")


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """A cluster with operator and image, or a skip with the reason."""
    try:
        found = bring_up()
    except NoCluster as reason:
        pytest.skip(f"no Kubernetes cluster: {reason}")
    os.environ.update({"PATH": found.environment["PATH"], "KUBECONFIG": found.environment["KUBECONFIG"]})
    return found


@pytest.fixture(scope="module")
def kit(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Kit]:
    """A namespace in which only pods of the restricted standard may run; it goes when the tests are over."""
    name = f"perch-{Path(str(request.path)).stem.removeprefix('test_')}-{secrets.token_hex(2)}".replace("_", "-")
    it = Kit(cluster, name)
    it.call("kubectl", "create", "namespace", name)
    it.call("kubectl", "label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    it.until("the namespace's service account", lambda: it.get("serviceaccounts")["items"], seconds=60)
    if TREE:
        it.copy_tree()
    try:
        yield it
        if request.session.testsfailed:
            kept = ROOT / "build" / "e2e-kind"
            kept.mkdir(parents=True, exist_ok=True)
            (kept / f"{name}.txt").write_text(it.state())
    finally:
        it.call("kubectl", "delete", "namespace", name, "--timeout=180s", check=False, seconds=200)
