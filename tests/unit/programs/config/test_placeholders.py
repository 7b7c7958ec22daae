"""Words in braces."""

import pytest

from perch.errors import StudyError
from perch.programs.config.placeholders import check, fill, fill_value


def test_known_words_are_filled_and_others_stay():
    values = {"lr": 1e-5, "flag": True, "config": "/a b/c.yaml"}
    assert fill("--lr={lr} {flag} ${config} {other}", values) == "--lr=1e-05 true ${config} {other}"


def test_a_shell_gets_quoted_words():
    assert fill("run {config}", {"config": "/a b/it's.yaml"}, quote=True) == "run '/a b/it'\"'\"'s.yaml'"


def test_a_word_alone_keeps_its_type():
    assert fill_value({"n": "{epochs}", "m": ["{epochs}", "e{epochs}"]}, {"epochs": 9}) == {"n": 9, "m": [9, "e9"]}


def test_a_word_that_nothing_fills_is_refused_with_the_nearest():
    with pytest.raises(StudyError, match="did you mean 'config'"):
        check("trainable.command", ["a", "{confg}"], ["config", "lr"])
