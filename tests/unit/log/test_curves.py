"""What the state keeps of curves is enough to choose who is trained with fresh seeds, as from the whole log."""

from __future__ import annotations

import json
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perch.log.curves import Curves, key_of, promising, read_curves

ENDS = ("stop", "ended", "code", "diverged", "live")


@st.composite
def logs(draw):
    """Events of a search: trials of few configurations, some twice, with curves of unequal length and ends of all kinds."""
    events = []
    for n in range(draw(st.integers(1, 25))):
        trial = f"{n:05d}"
        events.append({"e": "trial", "id": trial, "i": n, "config": {"x": draw(st.integers(0, 12))}})
        length, end = draw(st.integers(0, 6)), draw(st.sampled_from(ENDS))
        for epoch in range(1, length + 1):
            value = draw(st.integers(0, 8)) / 4
            metrics = {"epoch_s": float(draw(st.integers(1, 5)))} if draw(st.booleans()) else {}
            last = end == "stop" and epoch == length
            events.append(
                {
                    "e": "result",
                    "id": trial,
                    "epoch": epoch,
                    "value": value,
                    "d": "stop" if last else "go",
                    "m": metrics,
                }
            )
        if end not in ("stop", "live"):
            events.append({"e": "error", "id": trial, "failure": end})
    return events


def by_hand(events):
    """Trials by promise, first trial and seconds by configuration, and the usual seconds, from everything."""
    config, values, seconds, bad = {}, {}, {}, set()
    for e in events:
        if e["e"] == "trial":
            config[e["id"]], values[e["id"]], seconds[e["id"]] = e["config"], [], []
        elif e["e"] == "result":
            values[e["id"]].append(e["value"])
            seconds[e["id"]] += e["m"].values()
        elif e["failure"] != "ended":
            bad.add(e["id"])
    able = [t for t in values if values[t] and t not in bad]
    ranked = sorted(able, key=lambda t: (-len(values[t]), sum(sorted(values[t])[:3]) / len(values[t][:3])))
    first = {json.dumps(config[t]): t for t in reversed(ranked)}
    means = {t: sum(s) / len(s) for t, s in seconds.items() if s}
    return [t for t in ranked if first[json.dumps(config[t])] == t], means, config


@given(logs(), st.integers(1, 6))
def test_the_first_few_are_those_of_the_whole_log(events, most):
    ranked, means, config = by_hand(events)
    kept = read_curves(events, most)
    assert promising(kept.candidates())[:most] == ranked[:most]
    assert kept.usual_epoch_s() == (pytest.approx(median(means.values())) if means else None)
    for x in range(13):
        first = next((t for t, c in config.items() if c == {"x": x}), None)
        assert kept.first_with({"x": x}) == first
        assert kept.epoch_s({"x": x}) == (pytest.approx(means[first]) if first in means else None)


def test_no_more_ended_trials_are_kept_than_asked_for():
    curves = Curves(most=3)
    for n in range(50):
        curves.begin(f"{n}", n, {"x": n})
        curves.add(f"{n}", 1, 50.0 - n, {})
        curves.end(f"{n}", badly=False)
    assert list(curves.candidates()) == ["47", "48", "49"]


def test_a_configuration_has_one_name_whatever_the_order_of_its_keys():
    assert key_of({"a": 1, "b": 2.5}) == key_of({"b": 2.5, "a": 1}) != key_of({"a": 1, "b": 2.6})
