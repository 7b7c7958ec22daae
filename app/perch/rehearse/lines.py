"""A rehearsal as plain lines: what it stands on, what may be doubted, who beats whom, and last each strategy's value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from perch.compare.statistics.early import RungCorrelation
from perch.formatting import duration
from perch.rehearse.answers import SHARES, Answers, Mean, Value
from perch.rehearse.interruptions import lines as interruption_lines
from perch.rehearse.run import Setting
from perch.rehearse.tables.surrogate import Trust
from perch.rehearse.tables.surrogate import lines as trust_lines
from perch.rehearse.tables.table import Table


def before(
    table: Table, setting: Setting, seeds: int, reliability: Sequence[RungCorrelation], trust: Trust
) -> Iterator[str]:
    """What the rehearsal stands on."""
    fates = {f: sum(table.fates[r] == f for r in table.usable) for f in ("completed", "diverged", "failed")}
    ended = ", ".join(f"{n} {f}" for f, n in fates.items() if n and f != "completed")
    yield (
        f"record {table.name}: {fates['completed']} full curves of {table.epochs} epochs"
        + (f", and {ended}" if ended else "")
        + f"; {table.distinct} configurations; an epoch takes {table.epoch_s:.3g} s"
        + (f" on {table.recorded.device}" if table.recorded.device else "")
    )
    yield from (f"note: {note}" for note in table.notes)
    if table.effective_size < 0.5 * len(table.usable):
        yield f"note: after weighing back the curves count as {table.effective_size:.0f} of equal weight"
    d = setting.delays
    named = {"start": d.start_s, "turnover": d.turnover_s, "report": table.recorded.report_s, "checkpoint": d.save_s}
    shown = ", ".join(f"{k} {v:.3g} s" for k, v in named.items() if v)
    yield (
        f"{setting.workers} worker{'s' if setting.workers != 1 else ''} for {duration(setting.time_s)}, {seeds} seeds; "
        f"delays: {shown or 'none'}"
    )
    yield from interruption_lines(setting.interruptions)
    if reliability:
        parts = ", ".join(f"epoch {c.rung}: {c.correlation:.2f} [{c.low:.2f}, {c.high:.2f}]" for c in reliability)
        yield f"rank correlation with epoch {table.epochs}: {parts}"
    yield from trust_lines(trust, table)


def after(table: Table, setting: Setting, answers: Answers) -> Iterator[str]:
    """What it says; its last lines are each strategy's value."""
    analysis = answers.analysis
    for c in analysis.contrasts:
        value = replace(c.target, value=table.sign * c.target.value).label
        missed = f"missed {c.ratio.censored:.0%} ({analysis.reference} {c.ratio.censored_reference:.0%})"
        yield f"{c.strategy} to {value}: {c.ratio} as fast as {analysis.reference} ({c.ratio.estimator}); {missed}"
    best = best_of(answers.values, table.sign)
    for b in answers.beats:
        if b.strategy == best.strategy and b.share == SHARES[-1]:
            early = next(x for x in answers.beats if (x.strategy, x.other, x.share) == (b.strategy, b.other, SHARES[0]))
            yield (
                f"P({b.strategy} beats {b.other}) {early.chance.probability:.2f} at {duration(SHARES[0] * setting.time_s)}, "
                f"{b.chance.probability:.2f} [{b.chance.low:.2f}, {b.chance.high:.2f}] at {duration(setting.time_s)}"
            )
    for g in answers.gains:
        record = "" if g.record is None else f" ± {g.record:.3g} by the record"
        yield f"{g.strategy} ahead of {g.other} by {g.mean.value:.3g} [{g.mean.low:.3g}, {g.mean.high:.3g}]{record}: {g.verdict}"
    yield from answers.saturated
    times = ", ".join(duration(s * setting.time_s) for s in SHARES)
    yield (
        f"{table.metric} after {times}: mean over seeds, in brackets its 95 % interval on this record; ± what another record of "
        "this size might say"
    )
    yield from (_value(v, answers.values) for v in answers.values)


def best_of(values: Sequence[Value], sign: float) -> Value:
    """The strategy with the best value at the end."""
    return min(values, key=lambda v: sign * v.values[-1].value if v.values[-1] is not None else float("inf"))


def _value(value: Value, all_of_them: Sequence[Value]) -> str:
    width = max(len(v.strategy) for v in all_of_them)
    *early, last = (_mean(m) for m in value.values)
    record = "a run uses up the record" if value.record is None else f"± {value.record:.2g}"
    cost = (
        f"; {value.lost:.3g} lost workers, {value.attempts:.3g} jobs, {value.redone:,.0f} epochs again"
        if value.interrupted
        else ""
    )
    return (
        f"{value.strategy:<{width}}  {', '.join(early)}, {last} {record}; {value.trials:,.0f} trials, {value.full:,.0f} to the end, "
        f"{value.epochs:,.0f} epochs; best in {value.best_in:.3g} seeds{cost}"
    )


def _mean(mean: Mean | None) -> str:
    if mean is None:
        return "no result yet"
    return f"{mean.value:.4g} [{mean.low:.4g}, {mean.high:.4g}]" if mean.low == mean.low else f"{mean.value:.4g}"
