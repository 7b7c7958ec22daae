"""The page on any program, followed to the letter: its script and its study, copied from the text, are tuned."""

import re
from pathlib import Path

from perch.record import load

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "any-program.md"


def test_the_script_and_the_study_of_the_page_run(tmp_path, perch_here):
    text = PAGE.read_text(encoding="utf-8")
    script, study = (re.search(rf"```{kind}\n(.*?)```", text, flags=re.DOTALL)[1] for kind in ("python", "yaml"))
    (tmp_path / "train.py").write_text(script)
    (tmp_path / "study.yaml").write_text(study)
    code, said = perch_here("run", tmp_path / "study.yaml", "--out", tmp_path / "out", "--run-id", "r")
    assert code == 0, said
    run = load(tmp_path / "out" / "r")
    assert (run.trials.phase == "search").sum() == 12
    assert run.trials.best_value.min() < 0.02, "the noise of the script's data is 0.01"
    assert (tmp_path / "out" / "r" / "best" / "output.log").is_file()
