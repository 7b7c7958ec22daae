"""What a comparison runs, in which order, and how it goes on."""

from collections import Counter
from pathlib import Path

import pytest

from perch.compare.runs.plan import Job, extend, load_plan, make_plan, part_of, save
from perch.errors import PerchError, RecordError, StudyError
from perch.study import load

STUDY = load()
NAMES = ["asha", "ahb", "rs"]


def test_every_strategy_runs_once_per_block_and_blocks_follow_each_other() -> None:
    jobs = make_plan(STUDY, NAMES, 4, 60.0).jobs()
    assert [j.seed for j in jobs] == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    assert Counter(jobs) == {Job(s, seed): 1 for s in NAMES for seed in range(4)}


def test_the_order_within_a_block_is_random_and_belongs_to_its_seed() -> None:
    long, short = make_plan(STUDY, NAMES, 12, 60.0).jobs(), make_plan(STUDY, NAMES[::-1], 3, 60.0).jobs()
    assert long[:9] == short
    assert len({tuple(j.strategy for j in long[i : i + 3]) for i in range(0, 36, 3)}) > 2


def test_runs_of_a_block_differ_in_the_strategy_alone() -> None:
    plan = make_plan(STUDY, NAMES, 2, 60.0)
    one, other = (plan.study_of(Job(s, 1)).model_dump() for s in ("asha", "rs"))
    assert {k for k in one if one[k] != other[k]} == {"strategy"}
    assert one["budget"]["time"] == 60.0 and one["budget"]["trials"] is None and one["confirm"]["top"] == 0


def test_a_variant_changes_a_key_of_the_study() -> None:
    plan = make_plan(STUDY, ["asha", "asha+checkpoints=all"], 1, 60.0)
    assert plan.study_of(Job("asha+checkpoints=all", 0)).checkpoints == "all"
    assert plan.study_of(Job("asha+checkpoints=all", 0)).strategy == "asha"


def test_settings_of_the_study_s_own_strategy_are_kept() -> None:
    study = STUDY.model_copy(update={"strategy": {"name": "asha", "reduction_factor": 4}})
    assert make_plan(study, NAMES, 1, 60.0).study_of(Job("asha", 0)).strategy == {"name": "asha", "reduction_factor": 4}


@pytest.mark.parametrize(
    ("names", "seeds", "budget_s", "reference"),
    [(["asha"], 10, 60, None), (["asha", "ashaa"], 10, 60, None), (NAMES, 0, 60, None), (NAMES, 1, 0, None),
     (NAMES, 1, 60, "pbt"), (["rs", "asha+checkpoint=all"], 1, 60, None), (["rs", "asha+checkpoints=some"], 1, 60, None)],
)  # fmt: skip
def test_bad_plans_are_refused(names: list[str], seeds: int, budget_s: float, reference: str | None) -> None:
    with pytest.raises(PerchError) as refused:
        make_plan(STUDY, names, seeds, budget_s, reference)
    assert refused.value.exit_code == 2 and refused.value.why and refused.value.fix


def test_a_plan_survives_the_disk(tmp_path: Path) -> None:
    plan = make_plan(STUDY, NAMES, 3, 60.0)
    save(plan, tmp_path / "comparison")
    assert load_plan(tmp_path / "comparison").jobs() == plan.jobs()
    with pytest.raises(RecordError, match="not a comparison"):
        load_plan(tmp_path)


def test_a_comparison_is_extended_by_blocks_strategies_and_time_but_not_by_another_study() -> None:
    old = make_plan(STUDY, ["asha", "rs"], 10, 60.0)
    new = extend(old, make_plan(STUDY, ["ahb", "rs"], 20, 90.0))
    assert set(new.strategies) == {"asha", "rs", "ahb"} and len(new.seeds) == 20 and new.budget_s == 90.0
    assert new.planned == 10  # looks were planned at the start
    other = STUDY.model_copy(update={"epochs": 9})
    with pytest.raises(StudyError, match="another study"):
        extend(old, make_plan(other, NAMES, 10, 60.0))
    with pytest.raises(StudyError, match="less than"):
        extend(old, make_plan(STUDY, NAMES, 10, 30.0))


def test_a_comparison_that_exists_answers_another_question() -> None:
    plan = make_plan(STUDY, [*NAMES, "asha-gp"], 2, 60.0)
    assert part_of(plan, None, None) == plan
    assert part_of(plan, None, "asha").reference == "asha"
    asked = part_of(plan, ["asha", "asha-gp"], "asha")
    assert set(asked.jobs()) == {j for j in plan.jobs() if j.strategy in ("asha", "asha-gp")}
    assert part_of(plan, ["asha", "rs"], None).reference == "rs"


@pytest.mark.parametrize(
    ("strategies", "reference"), [(["asha", "pbt"], None), (["asha"], None), (["asha", "ahb"], "rs"), (None, "pbt")]
)
def test_a_question_about_what_was_not_run_is_refused(strategies: list[str] | None, reference: str | None) -> None:
    with pytest.raises(StudyError) as refused:
        part_of(make_plan(STUDY, NAMES, 2, 60.0), strategies, reference)
    assert refused.value.exit_code == 2 and refused.value.why and refused.value.fix
