"""`perch plan`: the record, the probe or the named epoch, then the plan as lines; the impossible is refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from perch.advise.budget import SEEDS, Bought, Demand, check_feasible, plan
from perch.advise.command import record_of
from perch.advise.facts import workers_of
from perch.advise.probe import asked, constructed, measure
from perch.errors import StudyError
from perch.fields import seconds
from perch.formatting import duration
from perch.rehearse.command import within_the_table
from perch.rehearse.many import Done
from perch.rehearse.run import Setting
from perch.rehearse.tables.surrogate import Neighbours
from perch.rehearse.tables.surrogate import lines as trust_lines
from perch.rehearse.tables.table import Table
from perch.rehearse.variants import Variant, as_recorded, refuse
from perch.study import Study, load


@dataclass(frozen=True)
class Order:
    """What is asked for; see the options of the command."""

    study: str | None
    gpus: float
    hours: float
    records: Sequence[str] = ()
    epoch_s: float | None = None
    probe: str = "1m"
    walltime: str | None = None
    price: float | None = None
    overrides: Sequence[str] = ()
    seeds: int = SEEDS
    beyond: Sequence[str] = ()
    processes: int | None = None


def plan_command(order: Order, done: Done = lambda _n, _all: None) -> Iterator[str]:
    """Lines for people. Raises StudyError, StrategyError or RecordError for what cannot be."""
    study = load(order.study, order.overrides)
    demand = _demand(study, order)
    variant = variant_of(study)
    table = record_of(study, order.study, order.records, order.epoch_s, order.beyond) if order.records else None
    if table is not None:
        yield f"from {len(table.full)} full curves of {table.name}, an epoch of {table.epoch_s:.3g} s"
        yield from trust_lines(Neighbours(table).trust(), table)
    else:
        cost = asked(order.epoch_s) if order.epoch_s is not None else measure(study, _minutes(order.probe))
        table = constructed(study.search_space, study.epochs, cost, study.metric)
        source = "as was named" if order.epoch_s is not None else f"measured on this machine for {order.probe}"
        yield f"from epochs of {cost.epoch_s:.3g} s in the mean, {source}; no curve was recorded, so rungs keep their nominal share"
    variant = as_recorded(variant, table)
    check_feasible(table, study, demand)
    if order.records and "trials" not in order.beyond:
        within_the_table(
            table, [variant], Setting(demand.workers, 3600 * demand.hours, table.recorded.delays), study.seed
        )
    seeds = range(study.seed, study.seed + order.seeds)
    bought = plan(table, study, variant, demand, seeds, processes=order.processes, done=done)
    yield from lines(study, table, demand, bought)


def lines(study: Study, table: Table, demand: Demand, bought: Bought) -> Iterator[str]:
    """The plan; a range holds 95 of 100 rehearsed runs."""
    workers = f"{demand.workers} worker{'s' if demand.workers != 1 else ''}"
    yield f"{study.strategy_name} on {workers} for {duration(3600 * demand.hours)}:"
    yield f"  trials:       {bought.trials}"
    yield "  reach epoch:  " + ", ".join(f"{level}: {found}" for level, found in bought.rungs)
    yield f"  to the end:   {bought.full} full trainings"
    if bought.confirm_trainings:
        usual, long = bought.confirm_s
        yield (
            f"  confirmation: {_at_most(study)}{bought.confirm_trainings} full trainings with fresh seeds, {duration(usual)} "
            f"(nine in ten: {duration(long)}), after {duration(bought.search_s.mean)} of search"
        )
    yield f"  GPU-hours:    {bought.gpu_hours:,.1f}" + (
        "" if bought.price is None else f", at a cost of {bought.price:,.2f}"
    )
    yield f"  disk:         {bought.log_bytes / 1e6:,.1f} MB of log and tables, and the checkpoints that live at once"
    yield f"  requeues:     {bought.requeues}"
    if study.budget.time is None or study.budget.time > bought.search_s.mean:
        yield f"  set:          --time-budget {bought.search_s.mean:.0f}s, so that the confirmation fits"
    yield f"  finishes:     with a chance of {bought.finishes:.0%} (search, confirmation and a winner within {demand.hours:g} h)"


def _at_most(study: Study) -> str:
    """Of a race, the share that it keeps to."""
    share = study.confirm.share
    return "" if share is None else f"a share of {share:g} of the search: at most "


def _demand(study: Study, order: Order) -> Demand:
    if not order.hours > 0:
        raise StudyError(f"--hours {order.hours:g}", why="nothing ends in no time", fix="give hours above zero")
    if order.epoch_s is not None and order.epoch_s <= 0:
        raise StudyError(f"--epoch-s {order.epoch_s:g}", why="an epoch takes some time", fix="give seconds above zero")
    if order.price is not None and order.price < 0:
        raise StudyError(
            f"--price {order.price:g}", why="a price is not below zero", fix="give the price of a GPU-hour"
        )
    walltime_s = None if order.walltime is None else _seconds("--walltime", order.walltime)
    each = 1.0 if study.resources.gpus_each is None else study.resources.gpus_each
    return Demand(workers_of(study, order.gpus), each, order.hours, walltime_s, order.price)


def variant_of(study: Study) -> Variant:
    """The study's strategy with its settings. Raises StrategyError for one that no record can answer for."""
    spec: dict[str, Any] = {"name": study.strategy} if isinstance(study.strategy, str) else dict(study.strategy)
    variant = Variant(study.strategy_name, spec)
    refuse(variant.entry, surrogate=False)
    return variant


def _minutes(probe: str) -> float:
    return _seconds("--probe", probe) / 60.0


def _seconds(option: str, text: str) -> float:
    try:
        value = float(seconds(text))
    except ValueError as error:
        raise StudyError(f"{option} {text}", why=str(error), fix="write 30m or 4h, say") from error
    if value <= 0:
        raise StudyError(f"{option} {text}", why="it is no time at all", fix="give more")
    return value
