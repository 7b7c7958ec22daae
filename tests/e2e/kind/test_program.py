"""A training program with an environment of its own, outside of the image: on a claim that head and workers mount."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.e2e.kind.kit import Kit
from tests.e2e.standin import standin_study
from tests.unit.programs.conftest import losses

from perch.programs.config.configure import seed_of

pytestmark = [pytest.mark.kind, pytest.mark.timeout(1800)]
STANDIN = Path(__file__).parents[2] / "programs" / "standin.py"
PREFIX = "/envs/standin"
CLAIM = """\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: programs}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: programs}
spec:
  terminationGracePeriodSeconds: 0
  securityContext: {runAsNonRoot: true, runAsUser: 10001, fsGroup: 10001, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: programs
      image: IMAGE
      command: [sleep, infinity]
      securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
      volumeMounts: [{name: programs, mountPath: /envs}]
  volumes: [{name: programs, persistentVolumeClaim: {claimName: programs}}]
"""
PROGRAM = f"""#!{PREFIX}/bin/python
import sys

import standin

print("in", sys.prefix, flush=True)
standin.main()
"""
STUDY = standin_study(PREFIX, f"{PREFIX}/template.json")
MOUNTS = (
    "--set-json", 'extraVolumes=[{"name": "programs", "persistentVolumeClaim": {"claimName": "programs", "readOnly": true}}]',
    "--set-json", 'extraVolumeMounts=[{"name": "programs", "mountPath": "/envs", "readOnly": true}]',
)  # fmt: skip


@pytest.fixture(scope="module")
def environment(kit: Kit) -> str:
    """A virtual environment made with the image's Python, the stand-in installed in it."""
    kit.kubectl("apply", "-f", "-", stdin=CLAIM.replace("IMAGE", kit.cluster.image))
    kit.kubectl("wait", "--for=condition=Ready", "pod/programs", "--timeout=180s")
    kit.shell("programs", f"python3 -m venv --without-pip {PREFIX}", container="programs")
    files = {
        "lib/python3.11/site-packages/standin.py": STANDIN.read_text(),
        "bin/standin-train": PROGRAM,
        "template.json": json.dumps({"lr": 0.1, "seed": 0, "epochs": 9, "epoch_s": 0.2}),
    }
    for name, text in files.items():
        write = f"cat > {PREFIX}/{name} && chmod 755 {PREFIX}/{name}"
        kit.kubectl("exec", "-i", "programs", "--", "/bin/bash", "-c", write, stdin=text)
    kit.kubectl("delete", "pod", "programs")
    return PREFIX


def test_a_program_is_tuned_from_its_own_environment(kit: Kit, environment: str, tmp_path: Path) -> None:
    """Paused trials go on from their checkpoints as if they had never been paused."""
    (tmp_path / "study.yaml").write_text(STUDY)
    study = ("--set", "demo=false,trials=null,timeBudget=", "--set-file", f"study={tmp_path / 'study.yaml'}")
    kit.install("program", *study, *MOUNTS)
    status = kit.finished("program")
    assert status.succeeded, status.message
    head = kit.pod("program", "head")
    events = kit.events(head, "program")
    configs = {e["id"]: e["config"] for e in events if e["e"] == "trial"}
    results = [e for e in events if e["e"] == "result"]
    assert len(configs) == 9 and any(e["e"] == "promote" for e in events)
    assert len({(e["id"], e["epoch"]) for e in results}) == len(results), "no epoch stands twice"
    for event in results:
        expected = losses(event["epoch"], configs[event["id"]]["lr"], seed_of(0, event["id"]))[-1]
        assert event["value"] == pytest.approx(expected, rel=1e-12), "trained from a wrong checkpoint"
    said = kit.shell(head, "head -qn 1 /results/program/trials/*/*/output.log").splitlines()
    assert set(said) == {f"in {environment}"}


def test_pods_without_the_claim_refuse_the_study(kit: Kit, environment: str, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(STUDY)
    study = ("--set", "demo=false,trials=null,timeBudget=", "--set-file", f"study={tmp_path / 'study.yaml'}")
    kit.install("lost", *study)
    status = kit.finished("lost")
    assert status.exit_code == 2 and f"cannot read the template '{PREFIX}/template.json'" in status.message, (
        status.message
    )
