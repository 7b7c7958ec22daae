"""ARCHITECTURE.md says what is so: its layers are the linter's, and every path and name on a page leads somewhere."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "app" / "perch"
PAGES = sorted(
    [ROOT / name for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "README.md")]
    + [page for folder in ("docs", "studies", "charts") for page in (ROOT / folder).rglob("*.md")]
)
CODE = re.compile(r"`([^`\n]+)`")
FOLDERS = "app|apptainer|benchmarks|charts|docs|make|manifests|studies|tests"
PATH = re.compile(rf"(?<![\w./-])(?:{FOLDERS})/[\w./*-]*\w")
"""A path from the root of the repository."""
NO_PATH = ("apptainer/1.3",)
"""The name of an environment module looks like a path."""


def section(page: str, heading: str) -> str:
    """The text below a heading of the second level."""
    return page.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def test_the_layers_are_those_of_the_linter() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    [contract] = [c for c in settings["tool"]["importlinter"]["contracts"] if c["type"] == "layers"]
    wanted = [[name.strip() for name in line.split("|")] for line in contract["layers"]]
    text = section((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"), "The layers")
    rows = re.findall(r"^\| (`.*?`) \| .+ \|$", text, flags=re.MULTILINE)
    assert [CODE.findall(row) for row in rows] == wanted


def named(page: Path) -> set[str]:
    """Paths of the repository that a page names; a new file that a diff adds is not there yet."""
    text = page.read_text(encoding="utf-8")
    added = set(re.findall(r"^--- /dev/null\n\+\+\+ b/(\S+)", text, flags=re.MULTILINE))
    return {p for p in PATH.findall(re.sub(r"^\+(?!\+\+ ).*$", "", text, flags=re.MULTILINE)) if p not in added}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_path_on_a_page_exists(page: Path) -> None:
    missing = [
        path
        for path in sorted(named(page))
        if path not in NO_PATH and not any(list(base.glob(path.rstrip("/"))) for base in (ROOT, page.parent))
    ]
    assert not missing


@cache
def names_of_files() -> frozenset[str]:
    """Names of all files of the package, of its tests and of the top folder."""
    folders = (PACKAGE, ROOT / "tests", ROOT / "benchmarks", ROOT / "docs", ROOT / "app" / "dragonfly")
    return frozenset(p.name for folder in folders for p in folder.rglob("*.*") if ".venv" not in p.parts)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_python_file_on_a_page_exists(page: Path) -> None:
    """With folders: below the package or the root. A name alone: the name of a file, or an example of a user's."""
    spans = [span for span in CODE.findall(page.read_text(encoding="utf-8")) if re.fullmatch(r"[\w./-]+\.py", span)]
    examples = {"schedule.py", "my_module.py"}
    missing = [
        span
        for span in spans
        if not ((PACKAGE / span).is_file() or (ROOT / span).is_file() or (ROOT / "app" / span).is_file())
        and not ("/" not in span and (span in names_of_files() or span in examples))
    ]
    assert not missing


def test_every_folder_of_the_package_that_architecture_names_exists() -> None:
    """In its tables a span of plain words and slashes is a file or folder below the package."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    cells = re.findall(
        r"^\|(.*)\|$", "".join(section(text, s) for s in ("The seams", "Where to add what")), re.MULTILINE
    )
    spans = {span for cell in cells for span in CODE.findall(cell) if re.fullmatch(r"[a-z_]+(/[a-z_]+)*", span)}
    missing = [s for s in sorted(spans) if not ((PACKAGE / s).is_dir() or (ROOT / s).is_dir())]
    assert spans
    assert not missing


def leads_somewhere(dotted: str) -> bool:
    """True for a module of the package, or for a name in one."""
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found: object = import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for name in parts[cut:]:
            if not hasattr(found, name):
                return False
            found = getattr(found, name)
        return True
    return False


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_module_and_function_on_a_page_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    spans = [span for span in CODE.findall(text) if re.fullmatch(r"perch(\.[A-Za-z_]+)+", span)]
    imported = [
        f"{module}.{name.strip()}"
        for module, names in re.findall(r"^from (perch[\w.]*) import ([\w, ]+)", text, flags=re.MULTILINE)
        for name in names.split(",")
    ]
    files = {"perch.sif", "perch.yaml", "perch.db"}
    assert not [name for name in {*spans, *imported} - files if not leads_somewhere(name)]


def test_the_glossary_has_at_most_ten_words_of_our_own_and_each_is_in_use() -> None:
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    own = re.findall(r"^\| ([a-z-]+) \| ", section(page, "Perch's own words"), flags=re.MULTILINE)[1:]
    assert 0 < len(own) <= 10
    source = "".join(p.read_text(encoding="utf-8") for p in PACKAGE.rglob("*.py")).lower()
    assert not [word for word in own if not re.search(word.replace("-", "[-_ ]"), source)]


def test_the_glossary_explains_each_word_once() -> None:
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    words = [w for w in re.findall(r"^\| ([a-z -]+) \| ", page, flags=re.MULTILINE) if w != "word"]
    assert len(words) == len(set(words))
