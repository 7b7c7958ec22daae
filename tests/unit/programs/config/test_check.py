"""A program that cannot be started is found before anything has been."""

import pytest

from perch.command import Command
from perch.errors import StudyError
from perch.programs.config.check import check_program
from perch.programs.config.complete import complete
from perch.programs.config.configure import names_config
from perch.study import parse

STUDY = {
    "name": "s", "space": {"lr": {"float": [0.1, 1.0]}}, "metric": "loss", "epochs": 3, "strategy": "rs", "budget": {"trials": 2},
}  # fmt: skip


@pytest.fixture
def refusal(tmp_path, monkeypatch):
    """What is said of a script with a first line, outside of containers or in one."""

    def say(first, container=False):
        for name in ("APPTAINER_CONTAINER", "SINGULARITY_CONTAINER", "KUBERNETES_SERVICE_HOST"):
            monkeypatch.delenv(name, raising=False)
        if container:
            monkeypatch.setenv("APPTAINER_CONTAINER", "/perch.sif")
        program = tmp_path / "train"
        program.write_text(f"{first}\nprint()\n")
        program.chmod(0o755)
        trainable = {
            "command": [str(program), "--lr", "{lr}"],
            "metrics": {"pattern": r"epoch (?P<epoch>\d+) loss (?P<loss>\S+)"},
        }
        study = parse({**STUDY, "trainable": trainable, "base": str(tmp_path)})
        check_program(study, study.program)

    return say


def test_an_environment_whose_python_is_not_there_is_refused(refusal):
    refusal("#!/bin/sh -e")
    refusal("#!/usr/bin/env python")
    with pytest.raises(StudyError) as raised:
        refusal("#!/envs/mace/bin/python")
    assert "the interpreter '/envs/mace/bin/python', which is not there" in str(raised.value)
    assert "container" not in str(raised.value)


def test_in_a_container_it_is_said_that_the_container_does_not_show_it(refusal):
    with pytest.raises(StudyError, match=r"as this container sees it.*\n.*show that folder"):
        refusal("#!/envs/mace/bin/python", container=True)


@pytest.fixture
def check(tmp_path):
    """Checks a study of a script that lies in its folder, with changes of ``trainable``."""
    (tmp_path / "train.py").write_text("print()\n")

    def say(**changes):
        trainable = {
            "command": ["python3", "train.py", "{lr}"],
            "metrics": {"pattern": r"epoch (?P<epoch>\d+) loss (?P<loss>\S+)"},
            **changes,
        }
        study = parse({**STUDY, "trainable": trainable, "base": str(tmp_path)})
        check_program(study, complete(study.program, tmp_path))

    return say


def test_a_script_that_is_not_there_is_refused(check):
    check()
    check(command=["python3", "-m", "train.py", "{lr}"])
    with pytest.raises(StudyError, match=r"there is no file '.*/tarin\.py'\n.*did you mean 'train\.py'"):
        check(command=["python3", "tarin.py", "{lr}"])


def test_a_script_next_to_the_study_that_a_shell_would_look_for_elsewhere_is_refused(check, tmp_path):
    with pytest.raises(StudyError, match=r"the shell would not find 'train\.py'"):
        check(command="python3 train.py {lr}")
    check(command=f"python3 {tmp_path}/train.py {{lr}}")
    check(command=f"cd {tmp_path} && python3 train.py {{lr}}")


def test_a_metric_that_no_group_of_the_pattern_is_called_by_is_refused(check):
    pattern = {"pattern": r"epoch (?P<epoch>\d+) loss (?P<los>\S+)"}
    check(metrics=pattern, keys={"loss": "los"})
    with pytest.raises(StudyError, match=r"metric: the pattern .* no group 'loss'\n.*did you mean 'los'"):
        check(metrics=pattern)
    with pytest.raises(StudyError, match=r"trainable\.keys\.loss: the pattern .* no group 'lss'\n.*did you mean 'los'"):
        check(metrics=pattern, keys={"loss": "lss"})


def test_an_empty_template_and_one_of_text_are_called_so(check, tmp_path):
    for text, why in (
        ("", "it is empty"),
        ("words\n", "it holds a text and no keys"),
        ("- 1\n", "it holds a list and no keys"),
    ):
        (tmp_path / "t.yaml").write_text(text)
        with pytest.raises(StudyError, match=why):
            check(template="t.yaml")


@pytest.mark.parametrize(("words", "said"), [
    (["python3", "train.py", "{config}"], True), (["python3", "train.py", "--dir={config_dir}"], True),
    (["python3", "train.py", "config.yaml"], True), (["python3", "train.py"], False),
])  # fmt: skip
def test_a_command_that_names_its_configuration_is_known_from_one_that_does_not(words, said):
    given = {"command": words, "config": "config.yaml", "metrics": {"files": "m.csv", "format": "csv"}}
    assert names_config(Command.model_validate(given)) is said
