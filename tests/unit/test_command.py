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


def test_numbers_among_the_words_of_a_command_are_taken_for_their_text():
    found = Command.model_validate({
        **GIVEN, "command": ["train", "--batch", 16, "--lr", 0.1], "environment": {"OMP_NUM_THREADS": 4},
        "checkpoint": {"files": "*.pt"}, "resume": {"arguments": ["--from", 1]},
    })  # fmt: skip
    assert found.words == ["train", "--batch", "16", "--lr", "0.1"]
    assert found.environment == {"OMP_NUM_THREADS": "4"}
    assert found.resume.arguments == ["--from", "1"]
    with pytest.raises(ValidationError, match="valid string"):
        Command.model_validate({**GIVEN, "command": ["train", "--flag", True]})


@pytest.mark.parametrize(("pattern", "why"), [("", "is empty"), (" ", "is empty"), ("logs/**.csv", "must stand alone")])
def test_what_is_no_pattern_of_files_is_refused(pattern, why):
    with pytest.raises(ValidationError, match=why):
        Command.model_validate({**GIVEN, "metrics": {"files": pattern, "format": "csv"}})
