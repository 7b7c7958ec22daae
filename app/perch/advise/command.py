"""`perch advise`: the rules' advice, or the record's, as text and as a fragment for the study file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from perch import yaml12
from perch.advise.candidates import SEEDS, Choice, choose, settings_of
from perch.advise.facts import Facts, facts_of
from perch.advise.rules import Rule, advice
from perch.errors import RecordError
from perch.formatting import duration
from perch.rehearse.command import same_space, within_the_table
from perch.rehearse.lines import before
from perch.rehearse.many import Done
from perch.rehearse.run import Setting
from perch.rehearse.tables.reader import read
from perch.rehearse.tables.surrogate import Neighbours, rung_reliability
from perch.rehearse.tables.table import Table
from perch.study import Study, load


@dataclass(frozen=True)
class Order:
    """What is asked for; see the options of the command."""

    study: str | None
    gpus: float
    hours: float
    records: Sequence[str] = ()
    epoch_s: float | None = None
    schedule: bool = False
    seeds: int = SEEDS
    beyond: Sequence[str] = ()
    processes: int | None = None


def advise(order: Order, done: Done = lambda _n, _all: None) -> Iterator[str]:
    """Lines for people, the fragment last. Raises StudyError or RecordError before anything has run."""
    study = load(order.study)
    table = record_of(study, order.study, order.records, order.epoch_s, order.beyond) if order.records else None
    facts = facts_of(study, order.gpus, order.hours, epoch_s=order.epoch_s, table=table, schedule=order.schedule)
    if table is None:
        yield from _by_rules(facts)
        return
    correlations = rung_reliability(table)
    facts = replace(facts, reliability=tuple((c.rung, c.correlation) for c in correlations))
    first, _ = advice(facts)
    setting = Setting(facts.workers, facts.time_s, table.recorded.delays)
    if "trials" not in order.beyond:
        from perch.advise.candidates import candidates

        within_the_table(table, candidates(table.epochs), setting, study.seed)
    yield from before(table, setting, order.seeds, correlations, Neighbours(table).trust())
    seeds = range(study.seed, study.seed + order.seeds)
    choice = choose(table, setting, seeds, processes=order.processes, done=done)
    yield from _by_record(facts, table, choice, first)


def record_of(
    study: Study, path: str | None, records: Sequence[str], epoch_s: float | None, beyond: Sequence[str]
) -> Table:  # fmt: skip
    """The record for a study: of its space, with its epochs. Raises RecordError."""
    table = read(records).check()
    same_space(table, study, path or "the embedded study", beyond="space" in beyond)
    if epoch_s is not None:
        table = table.lasting(epoch_s)
    if table.metric != study.metric:
        raise RecordError(
            f"'{table.name}' recorded {table.metric}, the study is judged by {study.metric}",
            why="another metric orders configurations otherwise", fix="record this study: perch record",
        )  # fmt: skip
    return table.check_times().up_to(study.epochs, beyond="epochs" in beyond).check()


def _by_rules(facts: Facts) -> Iterator[str]:
    first, others = advice(facts)
    yield from _budget(facts)
    yield f"advice: {first.strategy}"
    yield from _rule(first, facts)
    for rule in others:
        if rule.strategy != first.strategy:
            yield f"also: {rule.strategy}"
            yield from _rule(rule, facts)
    yield "these are rules of thumb: on recorded curves of your own space the rehearsal decides (perch record, then --record)"
    spec: str | dict[str, Any] = {"name": first.strategy, **first.settings} if first.settings else first.strategy
    yield from fragment(spec, facts)


def _by_record(facts: Facts, table: Table, choice: Choice, first: Rule) -> Iterator[str]:
    yield from _budget(facts)
    for value in choice.answers.values:
        last = value.values[-1]
        shown = "no result in some seeds" if last is None else f"{last.value:.4g} [{last.low:.4g}, {last.high:.4g}]"
        yield f"  {value.strategy}: {shown}; {value.trials:,.0f} trials, {value.full:,.0f} to the end"
    yield from choice.answers.saturated
    gain, chance = choice.gain, choice.chance
    yield f"advice: {choice.best.label}"
    yield (
        f"  better than {choice.other} by {gain.value:.3g} [{gain.low:.3g}, {gain.high:.3g}] in {table.metric} after "
        f"{duration(facts.time_s)}, and ahead of it in {chance.probability:.0%} [{chance.low:.0%}, {chance.high:.0%}] of the seeds"
    )
    if choice.record is None:
        yield "  but one run uses up the record: another record of this size might say otherwise"
    elif choice.record > gain.value:
        yield f"  but another record of this size might differ by {choice.record:.3g}: record more to be sure"
    if choice.equals:
        yield f"  cannot be told from it: {', '.join(choice.equals)}"
    if first.strategy != choice.best.spec["name"]:
        yield f"  the rules alone would have said {first.strategy}: {first.reason(facts)}"
    yield from fragment(settings_of(choice.best), facts)


def _budget(facts: Facts) -> Iterator[str]:
    size = f"{facts.combinations:,.0f} combinations" if facts.combinations < 1e12 else "real dimensions"
    full = "an unknown number of" if facts.full_trainings is None else f"{facts.full_trainings:,.1f}"
    yield (
        f"{facts.searched} searched dimensions, {size}; {facts.workers} workers for {duration(facts.time_s)} afford {full} "
        f"trainings of {facts.epochs} epochs"
    )
    if facts.full_trainings is None:
        yield "note: nobody has said how long an epoch takes: give --epoch-s, or a --record"
    elif facts.full_trainings < 10:
        yield "note: fewer than ten full trainings: no strategy finds much with that; fewer epochs or less data would help more"


def _rule(rule: Rule, facts: Facts) -> Iterator[str]:
    yield f"  why: {rule.reason(facts)}"
    yield f"  source: {rule.source}"


def fragment(spec: str | dict[str, Any], facts: Facts) -> Iterator[str]:
    """The study file's lines."""
    yield "for the study file:"
    content = {"strategy": spec, "budget": {"time": f"{facts.time_s:.0f}s"}}
    yield from yaml12.dump(content, default_flow_style=None).strip().splitlines()
