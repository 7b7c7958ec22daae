"""The chart renders what it promises, refuses what it must, and everything made from it is up to date."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.patience import LIMIT_S

ROOT = Path(__file__).parents[3]
CHART = ROOT / "charts" / "perch"
KUBE = ("--kube-version", "1.34.0")
SCENARIOS = sorted(path.name for path in (CHART / "ci").glob("*-values.yaml"))
PRESETS = ("values-kind.yaml", "values-gpu.yaml", "values-kueue.yaml", "values-autoscaling.yaml")
BIN = f"{os.environ['PATH']}:{Path.home() / '.cache/hpo-lab/bin'}"


def tool(name: str) -> str:
    """Return the path of a tool, or skip with the reason."""
    found = shutil.which(name, path=BIN)
    if found is None:
        pytest.skip(f"{name} is missing: 'make chart-tools' builds it where Go is installed")
    return found


def call(name: str, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a tool."""
    return subprocess.run(
        [tool(name), *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
        env={**os.environ, "PATH": BIN},
        cwd=ROOT,
    )


def render(*arguments: str) -> str:
    """Return the chart's objects as text."""
    done = call("helm", "template", "oh", str(CHART), *KUBE, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_lint_is_strict_and_clean(scenario: str) -> None:
    done = call("helm", "lint", "--strict", "--quiet", *KUBE, "-f", str(CHART / "ci" / scenario), str(CHART))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_render(preset: str) -> None:
    assert "kind: RayJob" in render("-f", str(CHART / preset), "--set", "demo=true")


def test_unit_tests_of_the_chart_pass() -> None:
    done = call("helm-unittest", str(CHART))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Schemas of Kubernetes and KubeRay, from their own sources."""
    tool("kubeconform")
    tool("go")
    folder = tmp_path_factory.mktemp("schemas")
    command = [sys.executable, str(ROOT / "charts" / "kubeconform_schemas.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    if done.returncode:
        pytest.skip(f"the sources of the schemas cannot be fetched: {done.stderr.strip()[-200:]}")
    return folder


def conforms(folder: Path, text: str) -> None:
    """Assert that every object is what Kubernetes and KubeRay describe, without an unknown key."""
    location = f"{folder}/{{{{.ResourceKind}}}}.json"
    done = call("kubeconform", "-strict", "-skip", "PodMonitor", "-schema-location", location, stdin=text)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_scenario_conforms_to_the_schemas(schemas: Path) -> None:
    for scenario in SCENARIOS:
        conforms(schemas, render("-f", str(CHART / "ci" / scenario)))


def test_plain_manifests_conform_to_the_schemas(schemas: Path) -> None:
    for manifest in (ROOT / "manifests").glob("*.yaml"):
        conforms(schemas, manifest.read_text())


def test_an_unknown_key_would_not_conform(schemas: Path) -> None:
    text = render("--set", "demo=true").replace("backoffLimit:", "backofLimit:")
    with pytest.raises(AssertionError, match="backofLimit"):
        conforms(schemas, text)


def test_readme_follows_the_values() -> None:
    done = call(
        "helm-docs",
        "--chart-search-root",
        str(CHART),
        "--sort-values-order",
        "file",
        "--ignore-non-descriptions",
        "--skip-version-footer",
        "--dry-run",
    )
    assert done.stdout.strip() == (CHART / "README.md").read_text().strip(), "fix: make chart-docs"


def test_every_value_is_described() -> None:
    """A leaf is described, or lies under something that is."""
    described = {
        line.split("|")[1].strip() for line in (CHART / "README.md").read_text().splitlines() if line[:2] == "| "
    }
    values = yaml.safe_load((CHART / "values.yaml").read_text())

    def bare(prefix: str, value: object) -> list[str]:
        if prefix in described:
            return []
        if isinstance(value, dict) and value:
            return [name for key, inner in value.items() for name in bare(f"{prefix}.{key}".lstrip("."), inner)]
        return [prefix]

    assert bare("", values) == []


@pytest.mark.parametrize("script", ["strategy_enum.py", "study_schema.py", "render_manifests.py"])
def test_what_is_generated_is_up_to_date(script: str) -> None:
    tool("helm")
    done = subprocess.run(
        [sys.executable, str(ROOT / "charts" / script), "--check"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": BIN},
        timeout=LIMIT_S,
    )
    assert done.returncode == 0, done.stderr


def test_rendering_takes_less_than_a_second_of_a_processor() -> None:
    def used_s() -> float:
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        return spent.ru_utime + spent.ru_stime

    tool("helm")
    times = []
    for _ in range(3):
        before_s = used_s()
        render("--set", "demo=true")
        times.append(used_s() - before_s)
    assert 0 < min(times) <= 1


def test_the_schema_knows_every_value_and_no_other() -> None:
    done = call("helm", "template", "oh", str(CHART), *KUBE, "--set", "demo=true,storage.tpye=pvc")
    assert done.returncode != 0
    assert "additional properties 'tpye' not allowed" in done.stderr


def test_no_secret_is_ever_rendered() -> None:
    """The token's secret is the operator's: Helm deletes secrets before the RayJob, whose end needs the token."""
    for scenario in SCENARIOS:
        kinds = {each["kind"] for each in yaml.safe_load_all(render("-f", str(CHART / "ci" / scenario))) if each}
        assert "Secret" not in kinds


def test_workflows_pass_actionlint() -> None:
    done = call("actionlint", *map(str, sorted((ROOT / ".github" / "workflows").glob("*.yml"))))
    assert done.returncode == 0, done.stdout


NAMES = (
    "run.id", "fullnameOverride", "storage.existingClaim", "studyConfigMap.name", "head.priorityClassName",
    "head.runtimeClassName", "auth.existingSecret", "data.existingClaim", "trainable.configMap", "serviceAccount.name",
    "wandb.existingSecret", "wandb.key", "kueue.queueName", "kueue.priorityClassName", "storage.storageClassName",
    "workerGroups[0].name", "workerGroups[0].priorityClassName", "commonLabels.team", "podAnnotations.note",
    "image.pullSecrets[0]", "image.repository", "data.subPath", "workerGroups[0].nodeSelector.pool",
)  # fmt: skip
"""Values whose texts are rendered somewhere."""
MODES = {"job": "studyConfigMap.name=s", "cluster": "mode=cluster"}


def objects(release: str, word: str, name: str, mode: str) -> list[dict[str, Any]]:
    """The chart's objects with one value set to a word, read as Kubernetes reads them: on, yes, y and 1e3 are no strings."""
    own = "" if name == "studyConfigMap.name" else MODES[mode]
    given = [f"--set-string={name}={word}", *([f"--set={own}"] if own else [])]
    given += [f"--set={extra}" for extra in EXTRA.get(name, ())]
    groups = ["--set-json", 'workerGroups=[{"name": "cpu", "resources": {"limits": {"memory": "4Gi"}}}]']
    done = call("helm", "template", release, str(CHART), *KUBE, "--namespace", release, *groups, *given)
    assert done.returncode == 0, done.stderr
    found = [each for each in yaml.load_all(done.stdout, Loader=AsKubernetes) if each]
    for each in found:
        each["metadata"].get("annotations", {}).pop("perch-hpo/spec", None)  # a checksum of all the rest
    return found


EXTRA = {
    "storage.storageClassName": ("storage.accessMode=ReadWriteMany",),
    "wandb.key": ("wandb.existingSecret=w",),
    "data.subPath": ("data.existingClaim=d",),
    "kueue.priorityClassName": ("kueue.queueName=q",),
}


class AsKubernetes(yaml.SafeLoader):
    """YAML 1.1 as Go reads it, wider than PyYAML's: y and n, and numbers such as 1e3."""


AsKubernetes.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:y|n|Y|N)$"), list("ynYN"))
AsKubernetes.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[0-9]+e[0-9]+$"), list("0123456789"))
AsKubernetes.add_constructor("tag:yaml.org,2002:bool", lambda loader, node: node.value in ("true", "on", "yes", "y"))


def renamed(part: Any, old: str, new: str) -> Any:
    if isinstance(part, dict):
        return {renamed(k, old, new): renamed(v, old, new) for k, v in part.items()}
    if isinstance(part, list):
        return [renamed(item, old, new) for item in part]
    return part.replace(old, new) if isinstance(part, str) else part


@pytest.mark.parametrize("name", NAMES)
def test_a_name_stays_a_text_whatever_yaml_reads_in_it(name: str) -> None:
    """on, y and null are names; Kubernetes would refuse a boolean in their place, and drop a null."""
    mode = "cluster" if name == "fullnameOverride" else "job"
    plain = objects("oh", "zzz", name, mode)
    assert renamed(plain, "zzz", "") != plain, "the value is rendered somewhere"
    for word in ("on", "null"):
        assert objects("oh", word, name, mode) == renamed(plain, "zzz", word)


@pytest.mark.parametrize("release", ["on", "no", "null", "y"])
def test_a_release_and_a_namespace_may_be_called_anything(release: str) -> None:
    plain = objects("zzz", "x", "commonLabels.team", "job")
    assert objects(release, "x", "commonLabels.team", "job") == renamed(plain, "zzz", release)
