"""The shipped studies are valid, and the scaled ones are those that `make study` runs."""

import re
from pathlib import Path

import pytest

from perch.compare.runs.plan import make_plan
from perch.runs.strategy import build_strategy
from perch.study import load

ROOT = Path(__file__).parents[3]
STUDIES = sorted((ROOT / "studies").glob("*.yaml"))


@pytest.mark.parametrize("path", STUDIES, ids=lambda p: p.stem)
def test_every_study_is_valid_and_its_strategy_can_be_built(path: Path) -> None:
    study = load(path)
    assert study.name == path.stem
    assert build_strategy(study).ask(0.0) is not None


@pytest.mark.parametrize("path", STUDIES, ids=lambda p: p.stem)
def test_the_command_in_its_head_is_a_plan(path: Path) -> None:
    found = re.search(
        r"perch compare \S+ --strategies (\S+)(?: --reference (\S+))? --seeds (\d+) --time-budget (\S+)",
        path.read_text(),
    )
    if found is None:
        assert "perch run" in path.read_text()
        return
    plan = make_plan(load(path), found[1].split(","), int(found[3]), 60.0, found[2])
    assert len(plan.jobs()) == len(plan.strategies) * 10


def test_the_published_space_is_used_where_the_published_study_is_reproduced() -> None:
    assert all(load(ROOT / "studies" / name).space == "source-2020" for name in ("study-1.yaml", "study-2.yaml"))


def test_population_based_training_never_searches_the_architecture() -> None:
    from perch.training.keys import ARCHITECTURE_KEYS

    for name in ("pbt.yaml", "pbt-two-cores.yaml"):
        searched = load(ROOT / "studies" / name).search_space.dimensions
        assert searched and not set(searched) & set(ARCHITECTURE_KEYS)


def test_make_study_runs_files_that_exist() -> None:
    makefile = (ROOT / "make" / "study.mk").read_text()
    named = set(re.findall(r"studies/\S+\.yaml", makefile))
    assert named == {f"studies/{p.name}" for p in STUDIES if p.stem.endswith("two-cores")}
    assert all((ROOT / n).is_file() for n in named)
