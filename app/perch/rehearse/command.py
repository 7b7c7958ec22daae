"""`perch rehearse`: read the record, refuse what cannot be answered, run all seeds, write the answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from perch.errors import RecordError, StudyError
from perch.rehearse.answers import Answers, answer
from perch.rehearse.interruptions import as_json, interruptions_of
from perch.rehearse.lines import after, before
from perch.rehearse.many import CurvesOf, Done, rehearse_all
from perch.rehearse.run import Rehearsed, Setting, events, rehearse
from perch.rehearse.setting import SATURATED_BEYOND, setting_of
from perch.rehearse.tables.reader import read
from perch.rehearse.tables.surrogate import Neighbours, SurrogateCurves, Trust, rung_reliability
from perch.rehearse.tables.table import Table
from perch.rehearse.variants import Variant, refuse, refuse_losses, variants
from perch.simulate import Delays
from perch.study import Study

BEYOND = ("epochs", "trials", "space")


@dataclass(frozen=True)
class Order:
    """What is asked for; see the options of the command."""

    records: Sequence[str]
    strategies: Sequence[str]
    sweep: Sequence[str] = ()
    gpus: float | None = None
    hours: float | None = None
    workers: int | None = None
    time_budget: str | None = None
    seeds: int = 100
    seed: int = 0
    epochs: int | None = None
    epoch_s: float | None = None
    reference: str | None = None
    surrogate: bool = False
    delays: bool = True
    beyond: Sequence[str] = ()
    study: str | None = None
    processes: int | None = None
    lost_every: str | None = None
    back_after: str = "10m"
    walltime: str | None = None
    warning: str = "5m"


@dataclass(frozen=True)
class Prepared:
    """A checked order: nothing has run yet."""

    table: Table
    variants: list[Variant]
    setting: Setting
    seeds: list[int]
    reference: str
    trust: Trust
    curves_of: CurvesOf | None
    reliability: list[Any] = field(default_factory=list)


def prepare(order: Order) -> Prepared:
    """Read the record and check everything. Raises RecordError, StudyError or StrategyError, before anything has run."""
    unknown = [b for b in order.beyond if b not in BEYOND]
    if unknown:
        raise StudyError(f"--beyond {unknown[0]}", why=f"known: {', '.join(BEYOND)}", fix="name one of these")
    asked = variants(order.strategies, order.sweep)
    for variant in asked:
        refuse(variant.entry, surrogate=order.surrogate)
    if order.seeds < 1:
        raise StudyError(f"--seeds {order.seeds}", why="one seed is one rehearsed run", fix="give 1 or more, best 100")
    table = read(order.records).check()
    for variant in asked:
        refuse_losses(variant, table)
    if order.study is not None:
        _check_space(table, order)
    if order.epoch_s is not None:
        table = table.lasting(order.epoch_s)
    if not order.delays:
        table = replace(table, recorded=replace(table.recorded, delays=Delays(), report_s=0.0))
    table.check_times()
    if order.epochs is not None:
        table = table.up_to(order.epochs, beyond="epochs" in order.beyond).check()
    setting = setting_of(
        table,
        gpus=order.gpus,
        hours=order.hours,
        workers=order.workers,
        time_budget=order.time_budget,
    )
    setting = replace(
        setting,
        interruptions=interruptions_of(
            table,
            lost_every=order.lost_every,
            back_after=order.back_after,
            walltime=order.walltime,
            warning=order.warning,
        ),
    )
    seeds = list(range(order.seed, order.seed + order.seeds))
    neighbours = Neighbours(table)
    curves_of = _Surrogate(neighbours) if order.surrogate else None
    _build_each(table, asked, setting)
    if not order.surrogate and "trials" not in order.beyond:
        within_the_table(table, asked, setting, seeds[0])
    return Prepared(
        table,
        asked,
        setting,
        seeds,
        _reference(asked, order.reference),
        neighbours.trust(),
        curves_of,
        rung_reliability(table),
    )


def carry_out(
    prepared: Prepared, *, processes: int | None = None, done: Done = lambda _n, _all: None
) -> dict[str, list[Rehearsed]]:
    """All seeds of all variants."""
    return rehearse_all(
        prepared.table, prepared.variants, prepared.seeds, prepared.setting, processes=processes,
        curves_of=prepared.curves_of, done=done,
    )  # fmt: skip


def conclude(prepared: Prepared, runs: dict[str, list[Rehearsed]], folder: Path, *, figures: bool = True) -> Answers:
    """Answer, and write ``rehearsal.json``, figures, and each strategy's log of the first seed into ``folder``."""
    from perch.rehearse.pictures import write

    answers = answer(prepared.table, runs, prepared.setting.time_s, prepared.reference)
    folder.mkdir(parents=True, exist_ok=True)
    content = as_data(prepared, answers)
    (folder / "rehearsal.json").write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    write_logs(prepared, folder / "logs")
    if figures:
        write(prepared.table, runs, answers, prepared.setting.time_s, folder / "figures")
    return answers


def write_logs(prepared: Prepared, folder: Path) -> None:
    """The event log of the first seed, one file per strategy: equal orders give equal bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    seed = prepared.seeds[0]
    for variant in prepared.variants:
        curves = prepared.curves_of(prepared.table, seed) if prepared.curves_of is not None else None
        with (folder / f"{variant.label}-{seed}.jsonl").open("w", encoding="utf-8") as file:
            for event in events(prepared.table, variant, seed, prepared.setting, curves):
                file.write(json.dumps(event) + "\n")


def as_data(prepared: Prepared, answers: Answers) -> dict[str, Any]:
    """For JSON."""
    from perch.compare.outcome import as_data as analysis_data

    table, setting = prepared.table, prepared.setting
    return {
        "record": table.name, "curves": len(table.full), "usable": len(table.usable), "effective_size": table.effective_size,
        "epochs": table.epochs, "metric": table.metric, "mode": "min" if table.sign > 0 else "max", "notes": list(table.notes),
        "workers": setting.workers, "time_s": setting.time_s, "delays": asdict(setting.delays),
        "interruptions": as_json(setting.interruptions),
        "report_s": table.recorded.report_s, "epoch_s": table.epoch_s, "seeds": prepared.seeds, "reference": prepared.reference,
        "rank_correlation": [c.as_dict() for c in prepared.reliability], "trust": prepared.trust.as_dict(),
        "values": [{**asdict(v), "values": [None if m is None else m.as_dict() for m in v.values]} for v in answers.values],
        "gains": [{**asdict(g), "mean": g.mean.as_dict(), "verdict": g.verdict} for g in answers.gains],
        "beats": [asdict(b) for b in answers.beats], "saturated": answers.saturated,
        "analysis": analysis_data(answers.analysis),
    }  # fmt: skip


def rehearse_command(order: Order, folder: Path, say: Callable[[str], None], done: Done) -> int:
    """The whole command. Returns the exit code."""
    prepared = prepare(order)
    for line in before(prepared.table, prepared.setting, len(prepared.seeds), prepared.reliability, prepared.trust):
        say(line)
    runs = carry_out(prepared, processes=order.processes, done=done)
    answers = conclude(prepared, runs, folder)
    say(f"written: {folder}/rehearsal.json, {folder}/figures/ and {folder}/logs/")
    for line in after(prepared.table, prepared.setting, answers):
        say(line)
    return 0


@dataclass(frozen=True)
class _Surrogate:
    """Makes surrogate curves in another process too."""

    neighbours: Neighbours

    def __call__(self, table: Table, seed: int) -> SurrogateCurves:
        return SurrogateCurves(table, seed, self.neighbours)


def _reference(asked: Sequence[Variant], wanted: str | None) -> str:
    labels = [v.label for v in asked]
    if wanted is not None and wanted not in labels:
        raise StudyError(f"--reference {wanted}", why=f"rehearsed are: {', '.join(labels)}", fix="name one of them")
    return wanted or ("rs" if "rs" in labels else labels[0])


def _build_each(table: Table, asked: Sequence[Variant], setting: Setting) -> None:
    """Let every strategy refuse its settings now."""
    for variant in asked:
        next(iter(events(table, variant, 0, setting)))


def within_the_table(table: Table, asked: Sequence[Variant], setting: Setting, seed: int) -> None:
    """Refuse a budget that would draw every curve many times over: what is best would be the table's best, for all."""
    most = SATURATED_BEYOND * len(table.usable)
    cheapest_s = table.epoch_s + table.recorded.report_s + setting.delays.turnover_s
    if setting.workers * setting.time_s / cheapest_s <= most:
        return
    for variant in asked:
        trials = sum(1 for _ in _up_to(events(table, variant, seed, setting), most + 1))
        if trials > most:
            raise RecordError(
                f"{variant.label} would run more than {most:,} trials on {len(table.usable)} curves",
                why="every strategy would find the best curve of the table, and nothing would be learned about the space",
                fix="record more (perch record), give less time or fewer workers, longer epochs (--epoch-s), or --beyond trials",
            )


def _up_to(log: Any, most: int) -> Any:
    """Trials of a log, until there are ``most``."""
    seen = 0
    for event in log:
        if event["e"] == "trial":
            seen += 1
            yield event
            if seen >= most:
                return


def _check_space(table: Table, order: Order) -> None:
    from perch.study import load

    assert order.study is not None
    same_space(table, load(order.study), order.study, beyond="space" in order.beyond)


def same_space(table: Table, study: Study, name: str, *, beyond: bool) -> None:
    """Raise RecordError for a record of another space than the study's, unless ``beyond``."""
    mine, theirs = study.search_space.spec(priors=False), table.space.spec(priors=False)
    differing = sorted(k for k in {*mine, *theirs} if mine.get(k) != theirs.get(k))
    if differing and not beyond:
        raise RecordError(
            f"'{table.name}' was recorded in another space than that of '{name}'",
            why=f"these keys differ: {', '.join(differing)}",
            fix="record this study's space (perch record), or take the other space's word for it: --beyond space",
        )


__all__ = ["Order", "Prepared", "carry_out", "conclude", "prepare", "rehearse", "rehearse_command"]
