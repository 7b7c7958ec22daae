"""A user's configuration file: read, and written anew with some values changed and everything else as it was."""

import json
import tomllib

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from perch.errors import StudyError
from perch.programs.config.template import Template, like

YAML = """\
# @package _global_
# two lines on top
lr: 1e-3          # a number for everybody but PyYAML
on_gpu: yes
cutoff: 5
name: 'quoted'
model: {channels: 8, irreps: "8x0e"}
callbacks:
  - _target_: A
  - _target_: B
    patience: 5
path: ${hydra:runtime.output_dir}
tagged: !Thing {a: 1}
empty: null
"""


def template(text=YAML, path="user.yaml"):
    return Template(path, text)


def test_what_is_not_changed_stays_as_its_author_wrote_it():
    out = template().render({"model.channels": 16})
    assert out.startswith("# @package _global_\n# two lines on top\n")
    assert "lr: 1e-3\n" in out and "on_gpu: yes\n" in out and "'quoted'" in out and "!Thing" in out
    assert "channels: 16" in out and "${hydra:runtime.output_dir}" in out


def test_dotted_keys_reach_into_mappings_and_lists():
    out = Template("x.yaml", template().render({"callbacks.1.patience": 9, "lr": 0.01}))
    assert out.get("callbacks.1.patience") == 9 and out.get("callbacks.0._target_") == "A"
    assert out.get("lr") == 0.01


def test_an_exponent_without_a_point_is_a_number():
    assert template().get("lr") == 0.001
    assert yaml.safe_load(template("lr: 1e-3").render({"lr": 1e-05}))["lr"] == 1e-05, (
        "PyYAML reads what is written as a number"
    )


@pytest.mark.parametrize(
    ("key", "value", "written"), [("lr", 1, 1.0), ("cutoff", 6.0, 6), ("empty", "text", "text"), ("name", "b", "b")]
)
def test_types_are_kept(key, value, written):
    got = template().check(key, value)
    assert got == written and type(got) is type(written)


@pytest.mark.parametrize(("key", "value"), [
    ("lr", "fast"), ("cutoff", 5.5), ("cutoff", True), ("name", 3), ("on_gpu", 1), ("model", 3),
])  # fmt: skip
def test_a_value_of_another_type_is_refused(key, value):
    with pytest.raises(StudyError, match=f"'{key}' cannot be"):
        template().check(key, value)


def test_a_key_that_is_not_there_shows_the_nearest():
    with pytest.raises(StudyError, match=r"did you mean 'model\.channels'"):
        template().check("model.chanels", 8)
    assert template().check("seed", 3, add=["seed"]) == 3


def test_keys_may_be_added_with_the_mappings_on_the_way():
    out = Template(
        "x.yaml", template().render({"train.continue.checkpoint": "a.pth"}, add=["train.continue.checkpoint"])
    )
    assert out.values["train"] == {"continue": {"checkpoint": "a.pth"}}


def test_json_and_toml():
    made = template('{"a": {"b": 1}, "list": [1, 2]}', "user.json").render({"a.b": 2, "list.1": 5})
    assert json.loads(made) == {"a": {"b": 2}, "list": [1, 5]}
    text = 'top = 1\n[model]\nname = "x"\nsizes = [1, 2]\n[model.inner]\nlr = 0.1\nwhen = 2026-01-01\n'
    made = template(text, "user.toml").render({"model.inner.lr": 0.5, "top": 2})
    expected = tomllib.loads(text)
    expected["top"], expected["model"]["inner"]["lr"] = 2, 0.5
    assert {k: v for k, v in tomllib.loads(made)["model"].items() if k != "inner"} == {"name": "x", "sizes": [1, 2]}
    assert tomllib.loads(made)["model"]["inner"]["lr"] == 0.5 and tomllib.loads(made)["top"] == 2


@pytest.mark.parametrize(
    ("path", "text"),
    [("a.json", "{"), ("a.toml", "a = "), ("a.yaml", "a: [1"), ("a.yaml", "- 1"), ("a.txt", "just words")],
)
def test_what_is_not_a_configuration_is_refused(path, text):
    with pytest.raises(StudyError, match="is not"):
        Template(path, text)


values = st.recursive(
    st.one_of(
        st.integers(-1000, 1000),
        st.booleans(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text("abc -:#'", max_size=6),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
documents = st.dictionaries(st.text("abc", min_size=1, max_size=3), values, min_size=1, max_size=4)


@given(documents, st.floats(1e-8, 1e8))
def test_a_change_changes_one_key_and_nothing_else(document, number):
    text = yaml.safe_dump(document)
    changed = yaml.safe_load(Template("x.yaml", text).render({"zz": number}, add=["zz"]))
    assert changed.pop("zz") == number
    assert changed == yaml.safe_load(text)


@given(st.integers() | st.floats(allow_nan=False), st.integers() | st.floats(allow_nan=False))
def test_a_number_keeps_its_kind(old, new):
    try:
        assert type(like(old, new)) is type(old)
    except TypeError:
        assert isinstance(old, int) and not float(new).is_integer()
