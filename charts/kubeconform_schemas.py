"""Write the schemas that kubeconform needs, from the sources of Kubernetes and KubeRay themselves.

Both come through the Go module proxy (``go mod download``), so that no web page has to be reached.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

KUBERNETES = "k8s.io/kubernetes@v1.34.4"
KUBERAY = "github.com/ray-project/kuberay/ray-operator@v1.6.1"
CORE = {
    "ConfigMap": "io.k8s.api.core.v1.ConfigMap",
    "Namespace": "io.k8s.api.core.v1.Namespace",
    "PersistentVolumeClaim": "io.k8s.api.core.v1.PersistentVolumeClaim",
    "Pod": "io.k8s.api.core.v1.Pod",
    "Service": "io.k8s.api.core.v1.Service",
    "ServiceAccount": "io.k8s.api.core.v1.ServiceAccount",
    "Deployment": "io.k8s.api.apps.v1.Deployment",
    "NetworkPolicy": "io.k8s.api.networking.v1.NetworkPolicy",
    "Role": "io.k8s.api.rbac.v1.Role",
    "RoleBinding": "io.k8s.api.rbac.v1.RoleBinding",
    "PodDisruptionBudget": "io.k8s.api.policy.v1.PodDisruptionBudget",
}
"""The kinds that the chart renders, by their names in the API's own description."""

Schema = dict[str, Any]


def module(name: str) -> Path:
    """Return the folder of a Go module, downloaded if need be."""
    command = ["go", "mod", "download", "-json", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return Path(json.loads(done.stdout)["Dir"])


def closed(schema: Any) -> Any:
    """Return the schema with unknown keys refused wherever the known ones are listed."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    done = {key: closed(value) for key, value in schema.items()}
    listed = isinstance(done.get("properties"), dict) and done.get("type", "object") == "object"
    if listed and "additionalProperties" not in done and not done.get("x-kubernetes-preserve-unknown-fields"):
        done["additionalProperties"] = False
    if done.get("x-kubernetes-int-or-string") or done.get("format") == "int-or-string":
        return {"type": ["string", "integer"]}
    return done


def core_schema(definitions: Schema, name: str) -> Schema:
    """Return one kind of the core API with all that it refers to."""
    needed: Schema = {}
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current in needed:
            continue
        needed[current] = closed(definitions[current])
        waiting += [ref.rsplit("/", 1)[1] for ref in references(definitions[current])]
    needed["io.k8s.apimachinery.pkg.api.resource.Quantity"] = {"type": ["string", "number"]}
    return {"$ref": f"#/definitions/{name}", "definitions": needed}


def references(schema: Any) -> list[str]:
    """Return all references in a schema."""
    if isinstance(schema, list):
        return [ref for each in schema for ref in references(each)]
    if isinstance(schema, dict):
        own = [schema["$ref"]] if isinstance(schema.get("$ref"), str) else []
        return own + [ref for each in schema.values() for ref in references(each)]
    return []


def main(folder: Path) -> int:
    """Write one file per kind, named as kubeconform's --schema-location asks: ``<folder>/<Kind>.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    definitions = json.loads((module(KUBERNETES) / "api/openapi-spec/swagger.json").read_text())["definitions"]
    for kind, name in CORE.items():
        (folder / f"{kind.lower()}.json").write_text(json.dumps(core_schema(definitions, name)))
    for plural, kind in (("rayjobs", "RayJob"), ("rayclusters", "RayCluster")):
        crd = yaml.safe_load((module(KUBERAY) / f"config/crd/bases/ray.io_{plural}.yaml").read_text())
        version = next(v for v in crd["spec"]["versions"] if v["name"] == "v1")
        schema = closed(version["schema"]["openAPIV3Schema"])
        schema["properties"]["metadata"] = {"type": "object"}
        (folder / f"{kind.lower()}.json").write_text(json.dumps(schema))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
