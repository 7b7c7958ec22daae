"""A program that cannot be started is found before anything has been."""

import pytest

from perch.errors import StudyError
from perch.programs.config.check import check_program
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
