"""The result in words: the sentences that the terminal and the report both show, so that they cannot differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from perch.formatting import duration
from perch.record.comparisons import BETTER, OPEN, SAME, SECOND, START, TIE
from perch.vocabulary import TEST_MAE_EV, VALIDATION_MAE_EV

Summary = Mapping[str, Any]

BASELINES: Final = {
    "mean": "the mean of the training set",
    "mean_per_adsorbate": "the mean per adsorbate",
    "ridge_composition": "a ridge regression on composition",
}


def winner_line(summary: Summary) -> str:
    """Who the winner is and what it is worth."""
    won = summary["winner"]
    who = named(won["trial_id"], won["by"])
    return f"{who}, {trained(won, summary)}: {numbers(won, summary)}"


def named(trial: str, by: str = "") -> str:
    """A configuration, by the trial that had it."""
    if trial == "start":
        return "the starting point"
    return f"trial {trial}" + (" (a point of the study)" if by == "point" else "")


def trained(entry: Mapping[str, Any], summary: Summary) -> str:
    """What its numbers rest on."""
    seeds = entry["seeds"]
    if seeds:
        return f"{'a fresh seed' if seeds == 1 else f'{seeds} fresh seeds'}, trained to the end"
    if entry["trained_to_the_end"]:
        return "in the search alone, trained to the end"
    return f"in the search alone, stopped early at epoch {entry['epochs']} of {summary.get('epochs_per_trial') or '?'}"


def numbers(entry: Mapping[str, Any], summary: Summary) -> str:
    """Its metric, and its errors in eV where it has them: means, with the standard deviation over fresh seeds."""
    if entry[VALIDATION_MAE_EV] is None or summary["metric"] != VALIDATION_MAE_EV:
        parts = [f"{summary['metric']} {_spread(entry, 'value', '.4g')}{_settled(entry, summary, '.4g')}"]
        if entry[VALIDATION_MAE_EV] is not None:
            parts.append(f"validation MAE {_spread(entry, VALIDATION_MAE_EV)} eV")
        if entry[TEST_MAE_EV] is None:
            parts += [
                f"{name} {value:.4g}" for name, value in list(entry["metrics"].items())[:4] if name != summary["metric"]
            ]
    else:
        parts = [f"validation MAE {_spread(entry, VALIDATION_MAE_EV)} eV{_settled(entry, summary)}"]
    if entry[TEST_MAE_EV] is not None:
        parts.append(f"test MAE {_spread(entry, TEST_MAE_EV)} eV")
    return ", ".join(parts)


def window_of(summary: Summary) -> int:
    """Epochs in a row whose mean judged a training with a fresh seed; 1 where there was none, and in records of earlier versions."""
    return summary["fresh_seeds"].get("window") or 1


def _settled(entry: Mapping[str, Any], summary: Summary, form: str = ".3f") -> str:
    """What it was judged by, where that is not its lowest value."""
    window = window_of(summary)
    if window == 1 or entry.get("settled") is None:
        return ""
    return f" (settled, {window} epochs in a row: {entry['settled']:{form}})"


def worth_it(summary: Summary) -> list[tuple[str, str]]:
    """(kind, sentence) of what the winner was compared with: ``plain``, or ``warning`` where tuning gained nothing."""
    out = []
    for one in summary["comparisons"]:
        sentence = _sentence(one, summary)
        bad = one["with"] not in (SECOND,) and one["says"] not in (BETTER, OPEN)
        out.append(("warning" if bad else "plain", sentence))
    return out


def _sentence(one: Mapping[str, Any], summary: Summary) -> str:
    what, seeds = one["with"], one["seeds"]
    if one["says"] == SAME:
        return "Nothing better was found than the starting point: it is the winner."
    other = named(one["trial_id"]) if one["trial_id"] else ""
    name = {START: "the starting point", SECOND: f"the second best ({other})"}.get(what) or _baseline(one, summary)
    if what == START and other != name:
        name = f"{name} ({other})"
    if one["better_by"] is None:
        return f"Against {name}: no seed is common to both."
    size, unit = abs(one["better_by"]), _unit(summary)
    if one["trial_id"] is not None and window_of(summary) > 1:
        unit += " settled"
    better = "better" if one["better_by"] >= 0 else "worse"
    how = "on one fresh seed, which says nothing of chance" if seeds == 1 else f"paired over {seeds} fresh seeds"
    if one["trial_id"] is None:
        how = "on one fresh seed, which says nothing of chance" if seeds == 1 else f"over {seeds} fresh seeds"
    if one["says"] == OPEN:
        return f"{better.capitalize()} than {name} by {size:.3g}{unit} {how}{_test(one)}."
    interval = f"95 % interval {one['low']:.3g} to {one['high']:.3g}"
    if one["says"] == TIE:
        if what == SECOND:
            return f"A tie with {name}: {better} by {size:.3g}{unit}, {interval}, {how}."
        return f"Nothing better was found than {name}, as far as these trainings show: {better} by {size:.3g}{unit}, {interval}, {how}{_test(one)}."
    return f"{better.capitalize()} than {name} by {size:.3g}{unit}, {interval}, {how}{_test(one)}."


def _test(one: Mapping[str, Any]) -> str:
    test = one.get("test")
    if not test:
        return ""
    interval = "" if test["low"] is None else f" ({test['low']:.3g} to {test['high']:.3g})"
    return f"; on the test set by {test['better_by']:.3g} eV{interval}"


def selection(summary: Summary) -> Iterator[str]:
    """What choosing the lowest of many values made of the winner's."""
    won = summary["winner"]
    if won["selection_bias"] is None:
        return
    unit, bias = _unit(summary), won["selection_bias"]
    flattered = "so the search flattered it" if bias > 0 else "so the search did not flatter it"
    yield (
        f"In the search its value was {won['search']['value']:.4g}{unit}, {flattered} "
        f"(selection bias {bias:+.3g}{unit})."
    )


def totals(summary: Summary) -> str:
    """Trials, time and epochs, the search and the trainings with fresh seeds named apart."""
    search, fresh = summary["search"], summary["fresh_seeds"]
    text = f"{summary['trials']} trials, {summary['failed']} failed; search {search['epochs']:,} epochs in {duration(search['wall_s'])}"
    if fresh["trainings"]:
        text += (
            f"; fresh seeds {fresh['trainings']} trainings, {fresh['epochs']:,} epochs in {duration(fresh['wall_s'])}"
        )
    return text


def _baseline(one: Mapping[str, Any], summary: Summary) -> str:
    return f"{BASELINES.get(one['with'], one['with'].replace('_', ' '))} ({one['value']:.3f}{_unit(summary)})"


def _unit(summary: Summary) -> str:
    return " eV" if summary["metric"].endswith("_ev") else ""


def _spread(entry: Mapping[str, Any], name: str, form: str = ".3f") -> str:
    deviation = entry[f"{name}_deviation"]
    return f"{entry[name]:{form}}" + ("" if deviation is None else f" ± {deviation:{form if form == '.3f' else '.2g'}}")
