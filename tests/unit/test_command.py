"""The command of a training program, as a study file states it."""

import pytest
from pydantic import ValidationError

from perch.command import Command

GIVEN = {"command": ["train"], "metrics": {"files": "m.jsonl", "format": "jsonl"}}
OUT = ["/tmp/one.txt", "../one.txt", "results/../../one.txt"]


@pytest.mark.parametrize("path", OUT)
@pytest.mark.parametrize(
    "place",
    [
        lambda path: {"metrics": {"files": path, "format": "jsonl"}},
        lambda path: {"checkpoint": {"files": f"*.pt {path}"}},
        lambda path: {"logs": [path]},
        lambda path: {"keep": ["*.model", path]},
    ],
    ids=["metrics", "checkpoint", "logs", "keep"],
)
def test_two_trials_never_share_a_file(place, path):
    with pytest.raises(ValidationError, match="two trials would write the same one"):
        Command.model_validate({**GIVEN, **place(path)})


def test_patterns_within_the_trials_folder_stay_as_they_are():
    given = {**GIVEN, "checkpoint": {"files": "checkpoints/*.pt swa..pt"}, "logs": ["a/*.log"], "keep": ["*.model"]}
    found = Command.model_validate(given)
    assert found.checkpoint.files == "checkpoints/*.pt swa..pt"
    assert (found.logs, found.keep) == (["a/*.log"], ["*.model"])
