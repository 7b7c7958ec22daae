"""Words of the glossary that a newcomer cannot guess are linked to it where a page uses them first."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[3] / "docs"
WORDS = ("rung", "bracket", "incumbent", "consumed time", "block")
OTHERWISE = {
    ("bayesian.md", "block"), ("protocol.md", "block"), ("rehearse.md", "bracket"), ("rehearsal.md", "bracket"), ("rehearsal.md", "block"),
}  # fmt: skip
"""Pages on which a word means something else: to block, and brackets around an interval."""
MADE = {"cli.md", "python.md", "strategies.md", "study-file.md"}
"""Pages of the reference that are made from the code."""
NO_PROSE = re.compile(
    r"```.*?```|`[^`]*`|^#.*?$|!\[[^\]]*\]\([^)]*\)|\[[^\]]*\]\([^)]*\)|<[^>]*>", flags=re.DOTALL | re.MULTILINE
)
PAGES = [
    p for p in sorted(DOCS.rglob("*.md"))
    if p.name != "glossary.md" and not (p.parent.name == "reference" and p.name in MADE)
    and p.name not in ("slurm.md", "kubernetes.md", "data.md", "tested.md")  # blocks of ports, brackets of arithmetic
]  # fmt: skip


def first_use(text: str, word: str) -> int | None:
    """Where a word stands first in prose: outside of code, headings, links and pictures."""
    prose = NO_PROSE.sub(lambda found: " " * len(found[0]), text)
    found = re.search(rf"\b{word}s?\b", prose, flags=re.IGNORECASE)
    return None if found is None else found.start()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(DOCS)))
def test_a_word_is_linked_where_it_is_used_first(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    glossary = os.path.relpath(DOCS / "glossary.md", page.parent)
    for word in WORDS:
        if (page.name, word) in OTHERWISE:
            continue
        plain = first_use(text, word)
        link = re.search(rf"\[[^\]]*\b{word}s?\b[^\]]*\]\({re.escape(glossary)}[^)]*\)", text, flags=re.IGNORECASE)
        assert plain is None or (link is not None and link.start() < plain), f"'{word}' is first used without a link"


def test_the_glossary_has_each_of_them() -> None:
    text = (DOCS / "glossary.md").read_text(encoding="utf-8")
    for word in WORDS:
        assert re.search(rf"^\| {word} \|", text, flags=re.MULTILINE), word


def test_code_headings_and_links_are_no_prose() -> None:
    assert first_use("# Rungs\n`rung` [rung](a.md) ```\nrung\n``` a rung", "rung") == len(
        "# Rungs\n`rung` [rung](a.md) ```\nrung\n``` a "
    )
    assert first_use("nothing", "rung") is None
