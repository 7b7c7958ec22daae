"""Write the plain manifests from the chart, for those without Helm and for ``perch k8s submit``.

Run it without arguments to write; ``--check`` exits 1 when they differ from the chart's.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
CHART = ROOT / "charts" / "perch"
KUBE_VERSION = "1.34.0"
HEAD = "# Rendered from charts/perch by make manifests; change the chart, not this file.\n"
NAMESPACE = "perch"
STUDY = """\
name: oh-on-alloys
data: {source: adsorption}
strategy: asha
epochs: 27
budget: {trials: 100, time: 1h}
"""


def render(release: str, *settings: str) -> list[dict[str, Any]]:
    """Return the objects of one release of the chart, its test left out."""
    command = ["helm", "template", release, str(CHART), "--namespace", NAMESPACE, "--kube-version", KUBE_VERSION]
    command += ["--skip-tests", *(word for setting in settings for word in setting.split(" ", 1))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    objects = [each for each in yaml.safe_load_all(done.stdout) if each]
    for each in objects:
        each["metadata"].pop("annotations", None)
        for label in ("helm.sh/chart", "app.kubernetes.io/managed-by"):
            each["metadata"]["labels"].pop(label, None)
    return objects


def files() -> dict[Path, str]:
    """Return every manifest with its text."""
    study = f"--set-json study={json.dumps(STUDY)}"
    job = render("oh", study)
    standing = render("oh", "--set mode=cluster")
    alone = render("oh", study, "--set tensorboard.kind=deployment")
    submit = render(
        "perch-run-id",
        "--set fullnameOverride=perch-run-id",
        '--set-json study="name: perch-run-id"',
        "--set run.id=perch-run-id",
    )
    role = render("perch", study, "--set clientRole.create=true,fullnameOverride=perch")
    package = ROOT / "app" / "perch" / "clusters" / "kubernetes" / "manifests"
    rules = ("ServiceAccount", "NetworkPolicy", "PodDisruptionBudget")
    out = ROOT / "manifests"
    return {
        out / "namespace.yaml": text([namespace()]),
        out / "storage.yaml": text(pick(job, "PersistentVolumeClaim")),
        out / "rules.yaml": text(pick(job, *rules)),
        out / "role.yaml": text([_anywhere(each) for each in pick(role, "Role")]),
        out / "rayjob.yaml": text(pick(job, "ConfigMap", "RayJob")),
        out / "raycluster.yaml": text(pick(standing, "RayCluster")),
        out / "tensorboard-service.yaml": text(pick(job, "Service")),
        out / "tensorboard.yaml": text(pick(alone, "Service", "Deployment")),
        package / "job.yaml": text(submit),
    }


def namespace() -> dict[str, Any]:
    """Return a namespace under the restricted Pod Security Standard."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
    }


def _anywhere(each: dict[str, Any]) -> dict[str, Any]:
    """Return an object for whatever namespace ``kubectl -n`` names."""
    each["metadata"] = {"name": each["metadata"]["name"]}
    return each


def pick(objects: list[dict[str, Any]], *kinds: str) -> list[dict[str, Any]]:
    """Return the objects of these kinds."""
    return [each for each in objects if each["kind"] in kinds]


def _literal(dumper: yaml.SafeDumper, string: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", string, style="|" if "\n" in string else None)


class _Readable(yaml.SafeDumper):
    """Writes text of several lines as such."""


_Readable.add_representer(str, _literal)


def text(objects: list[dict[str, Any]]) -> str:
    """Return a file of several YAML documents."""
    return HEAD + yaml.dump_all(objects, Dumper=_Readable, sort_keys=False, width=140)


def main(arguments: list[str]) -> int:
    """Compare or write."""
    stale = [path for path, new in files().items() if not path.exists() or path.read_text() != new]
    if "--check" in arguments:
        for path in stale:
            print(f"{path.relative_to(ROOT)} differs from the chart\nfix: make manifests", file=sys.stderr)
        return int(bool(stale))
    for path, new in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(new)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
