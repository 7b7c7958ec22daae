"""The chart renders what it promises, refuses what it must, and everything made from it is up to date."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

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


@pytest.mark.parametrize("script", ["strategy_enum.py", "render_manifests.py"])
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
