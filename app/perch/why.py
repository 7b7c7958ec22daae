"""Why a trial ended as it did: each rung with its value, the cut-off at that moment and its rank, read from the log."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from perch.errors import RecordError, did_you_mean
from perch.vocabulary import ENDED, INFEASIBLE, LOST, ON_REQUEST, REQUEST, STATUS_OF

LOG_LINES = 15
"""Lines of a failure's message that are shown, the last ones."""

_SPARED = {"stop": "stopped", "pause": "paused", "exploit": "replaced by a copy of a better trial"}

MOST_JUDGEMENTS = 20
"""Judgements shown; a rule that judges every epoch makes more, and the first and last ones say enough."""

COLUMNS: Final = {"best": "best so far", "mean_of_last_3": "mean of 3", "training_loss": "training loss"}
SENTENCES: Final = {
    "best": "its best value so far was",
    "mean_of_last_3": "the mean of its last 3 values was",
    "training_loss": "its training loss was",
}
"""What a rung compared, for people; of the last value itself nothing is said."""


@dataclass(frozen=True)
class Judgement:
    """A trial at one rung. ``value``: what the rung compared, in the study's metric unless that is a training loss. ``final_rank`` of ``final_size``: when the log ended."""

    rung: int
    value: float
    cutoff: float | None
    rank: int | None
    size: int | None
    action: str
    final_rank: int | None = None
    final_size: int | None = None


@dataclass(frozen=True)
class Exploit:
    """Where a segment came from: the donor's trial, segment and epoch, and what changed in the configuration."""

    epoch: int
    segment: int
    donor: str
    donor_segment: int
    donor_epoch: int
    changes: Mapping[str, tuple[Any, Any]]


@dataclass
class Why:
    """What the log says about one trial."""

    trial: str
    metric: str
    maximise: bool
    config: Mapping[str, Any]
    by: str = ""
    judged_by: str = "last"
    phase: str = "search"
    bracket: int = 0
    epochs: int = 0
    last_epoch: int = 0
    value: float | None = None
    best: float | None = None
    status: str = "running"
    failure: str | None = None
    message: str = ""
    lost: int = 0
    redone: int = 0
    redone_s: float = 0.0
    losses: list[str] = field(default_factory=list)
    """Class and place of each fault that was not the trial's."""
    kept_at: int | None = None
    """Its last epoch when somebody asked that it be trained to the end; None: nobody has."""
    spared: list[tuple[int, str]] = field(default_factory=list)
    """Epochs at which its strategy would have stopped it but for that, and what it would have done."""
    judgements: list[Judgement] = field(default_factory=list)
    exploits: list[Exploit] = field(default_factory=list)


def why(run_folder: str | Path, trial: str) -> Why:
    """Read a run's log and gather what concerns one trial; ``7`` means ``00007``.

    Raises RecordError when there is no such run or trial.
    """
    from perch.log.events import read
    from perch.log.folder import RunFolder
    from perch.log.study_file import load_study

    folder = RunFolder(Path(run_folder))
    if not folder.path.is_dir():
        raise RecordError(f"no run at '{run_folder}'", why="there is no such folder", fix="give the folder of a run")
    study = load_study(folder)
    events = list(read(folder.events)) if folder.events.is_dir() else []
    return explain(
        events, trial, metric=study.metric, maximise=study.mode == "max", epochs=study.epochs,
        judged_by=judged_by(study.strategy),
    )  # fmt: skip


def judged_by(strategy: str | Mapping[str, Any]) -> str:
    """What the study's strategy compares trials by at rungs."""
    return "last" if isinstance(strategy, str) else str(strategy.get("judge", "last"))


def explain(
    events: Iterable[Mapping[str, Any]],
    trial: str,
    *,
    metric: str = "value",
    maximise: bool = False,
    epochs: int = 0,
    judged_by: str = "last",
) -> Why:
    """Gather from the events of a log what concerns one trial."""
    found = explain_all(events, metric=metric, maximise=maximise, epochs=epochs, judged_by=judged_by)
    return found[_name(trial, found)]


def explain_all(
    events: Iterable[Mapping[str, Any]],
    *,
    metric: str = "value",
    maximise: bool = False,
    epochs: int = 0,
    judged_by: str = "last",
) -> dict[str, Why]:
    """Gather from the events of a log, read once, what concerns each trial; by the trial's id."""
    sign = -1.0 if maximise else 1.0
    found: dict[str, Why] = {}
    rungs: dict[tuple[int, int], list[float]] = {}
    for event in events:
        kind, out = event["e"], found.get(event.get("id", ""))
        if kind == "close":
            for one in found.values():
                one.status = "interrupted" if one.status == "running" else one.status
        elif kind == "trial":
            out = Why(
                event["id"], metric, maximise, event["config"], str(event.get("by", "")), judged_by, epochs=epochs
            )
            out.phase, out.bracket = str(event.get("phase", "search")), int(event.get("bracket", 0))
            found[out.trial] = out
        elif out is not None:
            if kind == "result" and event.get("rung") is not None:
                compared = event.get("judged", event["value"])
                insort(rungs.setdefault((out.bracket, event["rung"]), []), compared)
            _take(out, event, sign)
    for one in found.values():
        one.judgements = [_final(j, rungs[one.bracket, j.rung], _sign_at_rungs(one)) for j in one.judgements]
    return found


def _name(trial: str, known: Mapping[str, Any]) -> str:
    if trial in known:
        return trial
    same = [name for name in known if trial.isdigit() and name.isdigit() and int(name) == int(trial)]
    if len(same) == 1:
        return same[0]
    shown = list(known)[:20] + (["…"] if len(known) > 20 else [])
    reason = did_you_mean(trial, shown) if known else "the log holds no trial yet"
    raise RecordError(f"no trial is called '{trial}'", why=reason, fix="take an id from the report's table of trials")


def _take(out: Why, event: Mapping[str, Any], sign: float) -> None:
    kind = event["e"]
    if kind in {"start", "promote"}:
        out.status = "running"
    elif kind == "keep":
        out.status, out.kept_at = "running", int(event["epoch"])
    elif kind == "spent":
        out.redone, out.redone_s = out.redone + event.get("redone", 0), out.redone_s + event.get("redone_s", 0.0)
    elif kind == "lost":
        out.lost += 1
        where = f" on {event['node']}" if event.get("node") else ""
        out.losses.append(f"{event.get('failure', LOST)}{where}")
    elif kind == "error":
        out.failure, out.message = str(event.get("failure")), str(event.get("message") or "")
        out.status = STATUS_OF.get(out.failure, "failed")
    elif kind == "result":
        _result(out, event, sign)


def _result(out: Why, event: Mapping[str, Any], sign: float) -> None:
    value, action = sign * event["value"], str(event.get("d", "go"))
    out.last_epoch, out.value = int(event["epoch"]), value
    out.best = value if out.best is None or sign * value < sign * out.best else out.best
    if event.get("rung") is not None:
        sign = _sign_at_rungs(out)
        compared = sign * event.get("judged", event["value"])
        cutoff = None if event.get("cutoff") is None else sign * event["cutoff"]
        out.judgements.append(Judgement(event["rung"], compared, cutoff, event.get("rank"), event.get("size"), action))
    if "kept" in event:
        out.spared.append((out.last_epoch, str(event["kept"])))
    if action == "stop":
        out.status = "completed" if out.last_epoch >= out.epochs > 0 else "stopped"
    elif action == "pause":
        out.status = "paused"
    elif exploit := event.get("x"):
        new = exploit["config"]
        changes = {k: (out.config.get(k), v) for k, v in new.items() if out.config.get(k) != v}
        donor = (str(exploit["donor"]), int(exploit["seg"]), int(exploit["epoch"]))
        out.exploits.append(Exploit(out.last_epoch, int(event.get("seg", 0)) + 1, *donor, changes))
        out.config = new


def _sign_at_rungs(found: Why) -> float:
    """Less of a training loss is better, whatever the metric."""
    return -1.0 if found.maximise and found.judged_by != "training_loss" else 1.0


def _final(judgement: Judgement, values: list[float], sign: float) -> Judgement:
    rank = bisect_left(values, sign * judgement.value) + 1
    return Judgement(**{**_fields(judgement), "final_rank": rank, "final_size": len(values)})


def _fields(judgement: Judgement) -> dict[str, Any]:
    return {name: getattr(judgement, name) for name in Judgement.__dataclass_fields__}


def lines(found: Why, *, table: bool = True) -> Iterator[str]:
    """What was found, for people; ``table`` False: without its judgements one by one."""
    from perch.formatting import configuration, duration

    yield f"trial {found.trial}: {found.status} after {found.last_epoch} of {found.epochs} epochs"
    if found.best is not None:
        yield f"  {found.metric}: last {found.value:.4g}, best {found.best:.4g}"
    yield f"  configuration: {configuration(found.config)}"
    by = "somebody, by hand (perch ctl)" if found.by == REQUEST else found.by or "unknown"
    yield f"  suggested by: {by}" + (f", bracket {found.bracket}" if found.bracket else "")
    if found.lost:
        yield f"  its worker was lost {found.lost} times ({', '.join(found.losses)}); that is not the trial's fault, and it was tried again"
    if found.redone or found.redone_s:
        yield f"  {found.redone} epochs were trained again after interruptions: {duration(found.redone_s)} of work done twice"
    if found.judgements:
        yield from _table(found) if table else ()
    elif found.phase == "search" and not found.exploits and found.failure is None:
        yield "  it was never compared with other trials: this strategy does not, or it has not come that far"
    for exploit in found.exploits:
        yield _exploit(exploit)
    if found.kept_at is not None:
        spared = ", ".join(f"{_SPARED.get(action, action)} at epoch {epoch}" for epoch, action in found.spared)
        yield f"  kept by hand after epoch {found.kept_at}: " + (
            f"but for that, it would have been {spared}" if spared else "its strategy has not meant to stop it since"
        )
    yield from _verdict(found)


def _table(found: Why) -> Iterator[str]:
    yield f"  {'rung':>6} {COLUMNS.get(found.judged_by, 'value'):>13} {'cut-off':>10} {'rank then':>12} {'rank now':>12}  decision"
    shown = found.judgements
    if len(shown) > MOST_JUDGEMENTS:
        shown = [*shown[: MOST_JUDGEMENTS // 2], *shown[-MOST_JUDGEMENTS // 2 :]]
        yield f"  ({len(found.judgements)} judgements; the first and the last {MOST_JUDGEMENTS // 2} are shown)"
    for one in shown:
        cutoff = "–" if one.cutoff is None else f"{one.cutoff:.4g}"
        then = "–" if one.rank is None else f"{one.rank} of {one.size}"
        now = f"{one.final_rank} of {one.final_size}"
        yield f"  {one.rung:>6} {one.value:>13.4g} {cutoff:>10} {then:>12} {now:>12}  {one.action}"


def _exploit(one: Exploit) -> str:
    changed = ", ".join(f"{k} {_short(a)} → {_short(b)}" for k, (a, b) in one.changes.items()) or "nothing"
    source = f"trial {one.donor}" + (f", segment {one.donor_segment}" if one.donor_segment else "")
    return f"  epoch {one.epoch}: took over from {source} at its epoch {one.donor_epoch}; changed {changed}"


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _verdict(found: Why) -> Iterator[str]:
    """The answer in a sentence or two."""
    last = found.judgements[-1] if found.judgements else None
    if found.status in {"failed", "diverged"}:
        yield f"why: it {'diverged' if found.status == 'diverged' else f'failed ({found.failure})'}; its last lines were:"
        said = found.message.splitlines() or ["(no message)"]
        if len(said) > LOG_LINES:
            said = [said[0], "…", *said[2 - LOG_LINES :]]
        yield from (f"  | {text}" for text in said)
    elif found.failure == ON_REQUEST:
        yield f"why: somebody stopped it by hand after epoch {found.last_epoch} (perch ctl)"
    elif found.status == INFEASIBLE:
        yield f"why: it was not started: {found.message}"
    elif found.status == "stopped" and last is not None and last.cutoff is not None:
        short_of = abs(last.value - last.cutoff)
        share = f" ({short_of / abs(last.cutoff):.1%} of it)" if last.cutoff else ""
        word = "at least" if _sign_at_rungs(found) < 0 else "at most"
        had = SENTENCES.get(found.judged_by, "it had")
        yield (
            f"why: at epoch {last.rung} {had} {last.value:.4g} and would have needed {word} {last.cutoff:.4g} to go on; "
            f"it missed that by {short_of:.3g}{share}"
        )
    elif found.status == "paused" and last is not None:
        need = "" if last.cutoff is None else f"; the places that go on end at {last.cutoff:.4g}"
        yield f"why: it waits at epoch {last.rung}, rank {last.rank} of {last.size}{need}; it goes on if others fall behind"
    elif found.status == "completed":
        yield "why: it trained to the end" + ("" if found.failure != ENDED else ", which its trainable chose itself")
    elif found.status == "stopped":
        yield "why: the strategy ended it without comparing it at a rung"
    elif found.status == "interrupted":
        yield "why: the run ended while it was training; it goes on when the run is resumed"
    else:
        yield "why: it is still training"
