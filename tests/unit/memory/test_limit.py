"""The memory that a trial may take."""

from __future__ import annotations

import pytest

from perch.memory.limit import limit_of, memory_here
from perch.study import parse


@pytest.fixture
def gpu(tmp_path, monkeypatch):
    """A machine whose nvidia-smi prints this."""

    def machine(printed: str, code: int = 0) -> None:
        command = tmp_path / "nvidia-smi"
        command.write_text(f"#!/bin/sh\nprintf '{printed}'\nexit {code}\n")
        command.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return machine


def test_the_smallest_gpu_of_this_machine_counts(gpu):
    assert memory_here() is None
    gpu("16160\\n81559\\n")
    assert memory_here() == 16160 * 2**20
    gpu("no devices were found\\n", 6)
    assert memory_here() is None


def test_what_is_asked_stands_before_the_study_and_the_study_before_the_machine(gpu):
    gpu("81559\\n")
    assert limit_of(parse({})).bytes == 81559 * 2**20
    said = parse({"resources": {"gpu_memory": "16GB"}})
    assert limit_of(said).bytes == 16e9
    assert limit_of(said, 8e9).bytes == 8e9


def test_a_trial_has_its_share_and_none_of_a_gpu_that_it_does_not_get():
    assert limit_of(parse({"resources": {"gpu_memory": "16GB", "gpus": 0.25}})).bytes == 4e9
    assert limit_of(parse({"resources": {"gpu_memory": "16GB", "gpus": 2}})).bytes == 16e9
    assert limit_of(parse({"resources": {"gpu_memory": "16GB", "gpus": 0}})) is None
