"""What a run shows, in words and in a few numbers."""

from __future__ import annotations

from perch.record.collapsed import had_time
from perch.record.words import selection, winner_line, worth_it
from perch.report.advised import advised
from perch.report.by_hand import in_short
from perch.report.report_data import ReportData
from perch.vocabulary import TEST_MAE_EV, VALIDATION_MAE_EV

Sentence = tuple[str, str]
"""``plain`` or ``warning``, and the words."""


def sentences(report: ReportData) -> list[Sentence]:
    """The result, whether it beats the baselines, and what should make a reader careful."""
    value = report.best_value
    if value is None:
        going_on = report.summary["status"] == "running"
        return [
            *_state(report),
            ("plain", f"No trial has reported a result{' yet' if going_on else ''}."),
            *_care(report),
        ]
    return [*_state(report), *_winner(report), *_care(report), *advised(report.folder)]


def _winner(report: ReportData) -> list[Sentence]:
    """The winner, what it is worth and what it was measured against: the terminal's own sentences."""
    summary, won = report.summary, report.winner
    if not won:
        return _best_of_the_search(report)
    out: list[Sentence] = [("plain", f"Winner: {winner_line(summary)}.")]
    if won["seeds"]:
        out += [("plain", sentence) for sentence in selection(summary)]
        out += worth_it(summary)
        if summary["beats_ridge"] is False:
            out.append(("warning", "This run loses to a ridge regression on composition: do not use its model."))
    else:
        out += _baselines(report, float(won["value"]))
    return out + [("plain", f"{line[0].upper()}{line[1:]}.") for line in report.words]


def _best_of_the_search(report: ReportData) -> list[Sentence]:
    """Of a record that names no winner (an earlier version's)."""
    best, value = report.best, report.best_value or 0.0
    test = best.get(TEST_MAE_EV)
    shown = "" if test is None or report.metric == TEST_MAE_EV else f" (test MAE {float(test):.3g} eV)"
    first = f"Best {report.metric_label}: {value:.4g}{shown}, trial {best.get('trial_id')}, epoch {best.get('epoch')}."
    confirmed = (best.get("confirmed") or {}).get("value")
    return [
        ("plain", first),
        *_confirmed(report),
        *_baselines(report, value if confirmed is None else float(confirmed)),
    ]


def _state(report: ReportData) -> list[Sentence]:
    status, reason = report.summary["status"], report.summary["reason"]
    why = f" ({reason})" if reason else ""
    if status == "running":
        return [("plain", "The run is still going on; this page shows it as it was when it was written.")]
    if status == "done":
        return []
    return [("warning", f"The run ended early: {status}{why}.")]


def _confirmed(report: ReportData) -> list[Sentence]:
    confirmed = report.best.get("confirmed")
    if not confirmed:
        return []
    spread = "" if confirmed.get("value_deviation") is None else f" ± {confirmed['value_deviation']:.2g}"
    test = confirmed.get(TEST_MAE_EV)
    tested = "" if test is None else f", test MAE {float(test):.4g} eV"
    seeds = "a fresh seed" if confirmed["seeds"] == 1 else f"{confirmed['seeds']} fresh seeds"
    return [("plain", f"Trained again with {seeds}: {report.metric_label} {confirmed['value']:.4g}{spread}{tested}.")]


def _baselines(report: ReportData, value: float) -> list[Sentence]:
    if report.metric != VALIDATION_MAE_EV or not report.baselines:
        return []
    out: list[Sentence] = []
    beaten = [n for n, v in report.baselines.items() if value < v]
    lost = [n for n, v in report.baselines.items() if value >= v]
    if beaten:
        names = _list([f"{_name(n)} ({report.baselines[n]:.3g} eV)" for n in beaten])
        out.append(("plain", f"On the validation set it is better than {names}."))
    if lost:
        names = _list([f"{_name(n)} ({report.baselines[n]:.3g} eV)" for n in lost])
        advice = "Train longer, search wider, or use the simpler model."
        out.append(("warning", f"This run loses to {names}: no network it trained is worth its cost yet. {advice}"))
    return out


def _care(report: ReportData) -> list[Sentence]:
    out: list[Sentence] = [("plain", said)] if (said := in_short(report.summary)) else []
    count = int(had_time(report.trials, report.epochs).sum())
    collapsed = int((report.fates == "collapsed").sum())
    if collapsed > 0.1 * count:
        out.append(
            (
                "warning",
                f"{collapsed:,} of the {count:,} trials that trained for a tenth of the epochs or more never got below "
                "98 % of the mean predictor's error: much of the space cannot learn. A narrower one would spend that time "
                "better.",
            )
        )
    failed = int((report.fates == "failed").sum())
    if failed:
        classes = report.trials.loc[report.fates == "failed", "failure"].fillna("unknown").value_counts()
        shown = _list([f"{n:,} {name}" for name, n in classes.items()])
        out.append(("warning", f"{failed:,} trials failed ({shown}); the table below shows their last messages."))
    return out


def numbers(report: ReportData) -> list[tuple[str, str]]:
    """Name and value of the numbers at the head of the page."""
    from perch.formatting import duration

    counts = report.fates.value_counts()
    out = [("trials", f"{len(report.trials):,}")]
    out += [(f"… {state}", f"{n:,}") for state, n in counts.items()]
    search, fresh = report.summary["search"], report.summary["fresh_seeds"]
    out += [("epochs of the search", f"{search['epochs']:,}"), ("time of the search", duration(search["wall_s"]))]
    if fresh["trainings"]:
        out += [
            ("trainings with fresh seeds", f"{fresh['trainings']:,}"),
            ("… their epochs", f"{fresh['epochs']:,}"), ("… their time", duration(fresh["wall_s"])),
        ]  # fmt: skip
    seconds = float(report.summary["worker_seconds"])
    out.append(("worker time", duration(seconds)))
    if share := _gpus(report):
        out.append(("GPU-hours", f"{seconds * share / 3600:.3g}"))
    return out


def _gpus(report: ReportData) -> float:
    """GPUs that one trial held, when it ran on GPUs."""
    if "device" not in report.curves:
        return 0.0
    on_gpu = report.curves["device"].astype(str).str.startswith("cuda").any()
    asked = report.study.resources.gpus_each
    return float(1.0 if asked is None else asked) if on_gpu else 0.0


def _name(baseline: str) -> str:
    return {
        "mean": "the mean of the training set",
        "mean_per_adsorbate": "the mean per adsorbate",
        "ridge_composition": "a ridge regression on composition",
    }.get(baseline, baseline.replace("_", " "))


def _list(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
