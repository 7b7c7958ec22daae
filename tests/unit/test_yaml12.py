"""YAML is read as YAML 1.2 says, and what is written is read back alike by readers of 1.1 and 1.2."""

import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from perch import yaml12

READ = {
    "1e-4": 1e-4, "1E5": 1e5, ".5e-3": 0.0005, "+1e3": 1000.0, "-2E+05": -2e5, "1.": 1.0, "0.5": 0.5, ".5": 0.5,
    "12": 12, "+5": 5, "010": 10, "0o17": 15, "0x1F": 31, "10_000": 10_000, "true": True, "False": False, "~": None,
    "null": None, ".inf": math.inf, "-.INF": -math.inf,
    "on": "on", "off": "off", "yes": "yes", "no": "no", "y": "y", "1:30": "1:30", "2024-01-01": "2024-01-01", "1e": "1e",
    "e5": "e5", "0b11": "0b11", "1_0": "1_0", "'1e-4'": "1e-4", '"12"': "12", "128x0e": "128x0e",
}  # fmt: skip


@pytest.mark.parametrize("text", READ)
def test_a_plain_scalar_is_what_the_core_schema_says(text):
    value = yaml12.load(f"- {text}")[0]
    assert (value, type(value)) == (READ[text], type(READ[text]))


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8)
    | st.from_regex(r"[-+]?[0-9_.:eExob]{1,8}", fullmatch=True)
    | st.sampled_from(["on", "yes", "null", "~", "=", "<<", "1e-4", ".inf"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcde1.", min_size=1, max_size=4), inner, max_size=3),
    max_leaves=6,
))  # fmt: skip
def test_what_is_written_is_read_back_by_both_versions(value):
    text = yaml12.dump({"k": value})
    assert yaml12.load(text) == {"k": value}
    assert yaml.safe_load(text) == {"k": value}


def test_a_key_that_stands_twice_is_an_error_with_its_line():
    with pytest.raises(yaml.MarkedYAMLError, match="the key 'epochs' stands twice") as caught:
        yaml12.load("epochs: 3\nname: a\nepochs: 5\n")
    assert caught.value.problem_mark.line == 2


def test_merge_keys_are_merged():
    assert yaml12.load("a: &x {b: 1}\nc: {<<: *x, d: 2}")["c"] == {"b": 1, "d": 2}


@pytest.mark.parametrize("text", ["9" * 5000, "[" * 5000])
def test_what_python_cannot_hold_is_an_error_of_yaml(text):
    with pytest.raises(yaml.YAMLError):
        yaml12.load(text)


@pytest.mark.parametrize(("value", "looks"), [("1e-4", True), (" 0.5", True), ("1_000", True), ("1,5", True), ("mean", False),
                                              ("", False), ("1e", False), (1, False), ("128x0e", False)])  # fmt: skip
def test_which_texts_a_person_would_take_for_numbers(value, looks):
    assert yaml12.looks_numeric(value) is looks
