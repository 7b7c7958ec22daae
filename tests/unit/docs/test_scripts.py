"""Scripts that no type checker looks at import names of Perch that exist."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SCRIPTS = sorted(p for folder in ("benchmarks", "charts", "docs", "studies") for p in (ROOT / folder).rglob("*.py"))
RECIPES = sorted(
    [ROOT / "Makefile", ROOT / "Dockerfile", *(ROOT / "make").glob("*.mk"), *(ROOT / "apptainer").glob("*")]
)


def exists(module: str) -> bool:
    """True for a module that can be found, whatever its parents are."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_what_a_script_imports_of_perch_exists(script: Path) -> None:
    missing = []
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.partition(".")[0] == "perch":
            module = import_module(node.module) if exists(node.module) else None
            names = [(alias.name, f"{node.module}.{alias.name}") for alias in node.names]
            missing += [full for name, full in names if not (hasattr(module, name) or exists(full))]
    assert not missing


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda p: str(p.relative_to(ROOT)))
def test_modules_and_scripts_that_a_recipe_starts_exist(recipe: Path) -> None:
    text = recipe.read_text(encoding="utf-8")
    assert not [module for module in re.findall(r"-m (perch[\w.]*)", text) if not exists(module)]
    paths = re.findall(r"(?<![\w./$)-])((?:benchmarks|charts|docs|studies|tests)/[\w./-]+\.(?:py|yaml|sh))", text)
    assert not [path for path in paths if not (ROOT / path).exists()]
