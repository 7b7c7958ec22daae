"""The judge: it finds a gain where there is one, and says 'no gain' where there is none."""

from collections.abc import Sequence

import numpy as np
import pytest
from tests.unit.schedule.toy import EPOCHS, SPACE, population, step

from perch.errors import StudyError
from perch.schedule.fit import chosen, fit_all
from perch.schedule.inherited import Inherited, inherited_by_best
from perch.schedule.validate import Judgement, Result, Task, gain, judge
from perch.space import keyed_rng
from perch.training.keys import at_epoch, complete

NEVER = EPOCHS + 1


class ToyTrainer:
    """Trains the toy plainly; counts what it was asked for."""

    def __init__(self, drop_after: int) -> None:
        self.drop_after, self.tasks = drop_after, list[Task]()

    def __call__(self, tasks: Sequence[Task], epochs: int) -> list[Result]:
        self.tasks += tasks
        return [self._one(task, epochs) for task in tasks]

    def _one(self, task: Task, epochs: int) -> Result:
        config, error = complete(task.config), 1.0
        for epoch in range(1, epochs + 1):
            error = step(error, at_epoch(config, epoch, epochs)["lr"], epoch, self.drop_after)
        luck = keyed_rng(0, "luck", task.key).normal(size=2)
        return Result(error * (1 + 0.01 * luck[0]), error * (1.05 + 0.01 * luck[1]))


def _judge(drop_after: int) -> tuple[Judgement, ToyTrainer, Inherited]:
    lineage = inherited_by_best(population(drop_after=drop_after))
    trainer = ToyTrainer(drop_after)
    return judge(lineage, chosen(fit_all(lineage.values["lr"])), SPACE, 5, trainer), trainer, lineage


def test_where_a_drop_is_needed_the_schedule_s_gain_is_real() -> None:
    found, _, _ = _judge(30)
    assert [g.name for g in found.gains] == ["PBT's own", "fitted multistep"]
    assert all(g.real for g in found.gains) and "a real gain" in found.gains[0].sentence


def test_where_a_constant_rate_is_ideal_there_is_no_gain() -> None:
    found, _, _ = _judge(NEVER)
    assert not any(g.real for g in found.gains)
    assert all("no gain" in g.sentence or "worse" in g.sentence for g in found.gains)


def test_alternatives_are_tuned_with_what_the_population_cost() -> None:
    found, trainer, lineage = _judge(30)
    for kind in ("constant", "cosine"):
        tuning = [t for t in trainer.tasks if t.key.startswith(f"tune-{kind}")]
        assert 0.9 * lineage.total_epochs < len(tuning) * EPOCHS <= lineage.total_epochs
        assert {t.config["lr_schedule"] for t in tuning} == {kind} and len({t.config["lr"] for t in tuning}) == len(
            tuning
        )
    assert set(found.tuned) == {"tuned constant", "tuned cosine"}


def test_every_contender_trains_with_the_same_fresh_seeds() -> None:
    _, trainer, _ = _judge(30)
    judged = [t for t in trainer.tasks if t.key.startswith("judge")]
    assert len(judged) == 4 * 5 and {t.key for t in judged} == {f"judge-{k}" for k in range(5)}


def test_the_rival_is_chosen_by_validation_and_judged_by_test() -> None:
    found, _, _ = _judge(30)
    assert len({g.against for g in found.gains}) == 1 and found.gains[0].against in found.tuned


def test_the_interval_is_paired_by_seed() -> None:
    seeds = np.array([0.0, 5.0, -5.0, 2.0, 1.0])
    found = gain("a", "b", {"a": list(1.0 + seeds + 0.01 * np.arange(5)), "b": list(2.0 + seeds)})
    assert found.real and found.difference == pytest.approx(-0.98)


def test_a_contender_that_diverged_shows_nothing() -> None:
    found = gain("a", "b", {"a": [0.1, float("inf"), 0.1], "b": [0.2, 0.2, 0.2]})
    assert not found.real and "no gain" in found.sentence


def test_too_few_seeds_are_refused() -> None:
    lineage = inherited_by_best(population(members=4))
    with pytest.raises(StudyError, match="--validate 2"):
        judge(lineage, chosen(fit_all(lineage.values["lr"])), SPACE, 2, ToyTrainer(30))
