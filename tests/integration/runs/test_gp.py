"""The Gaussian process beside a real run: asked in its own process, killed with everything, and asked the same again."""

import psutil
import pytest
from tests.patience import LIMIT_S

from perch.log.events import read
from perch.log.folder import RunFolder
from perch.log.study_file import load_study
from perch.runs.strategy import build_strategy
from perch.simulate import differences
from perch.strategies.searchers.optuna import GaussianProcess
from perch.strategies.searchers.prefetch import Inline

from .conftest import summary

pytest.importorskip("optuna")

SERVER = "perch.suggesting.gp_server"


def suggested(events):
    return [e for e in events if e["e"] == "trial" and e["by"] == "gp"]


def test_its_suggestions_are_those_of_its_log_whoever_is_asked_and_after_a_kill(study, tmp_path, perch, perch_here):
    out = tmp_path / "out"
    study.write_text(study.read_text() + "strategy: {name: asha-gp, initial: 4}\n")
    arguments = ("run", study, "--out", out, "--run-id", "r", "--set", "confirm.top=0")
    first = perch(*arguments, env={"TOY_S": "0.05"})
    first.until(out / "r", lambda events: len(suggested(events)) >= 2)
    [server] = first.children(SERVER)
    first.kill(everything=False)
    psutil.wait_procs([server], timeout=LIMIT_S)
    assert not server.is_running(), "it ends with the run, however that ends"
    code, said = perch_here(*arguments)
    assert code == 0, said
    assert summary(out / "r")["status"] == "done"
    events = list(read(RunFolder(out / "r").events))
    assert len(suggested(events)) >= 5
    assert all(e["ask_s"] > 0 and e["note"]["seen"] >= 3 for e in suggested(events))
    asked = load_study(RunFolder(out / "r"))
    strategy = build_strategy(asked)
    strategy.searcher._port = Inline(GaussianProcess(asked.search_space, asked.seed))
    assert [str(d) for d in differences(strategy, events)] == []


def test_workers_that_wait_for_suggestions_keep_their_processes(study, tmp_path, perch_here):
    """Tune by itself keeps one idle process, ends the others and starts new ones for the next suggestions."""
    folder = tmp_path / "begun"
    folder.mkdir()
    text = study.read_text().replace("toy_trainable:Toy", "toy_trainable:Meeting")
    text = text.replace("{x: {float: [0, 1]}}", f"{{x: {{float: [0, 0.9]}}, folder: {str(folder)!r}}}")  # nothing fails
    study.write_text(text + "strategy: {name: asha-gp, initial: 3}\n")
    out = tmp_path / "out"
    code, said = perch_here(
        "run", study, "--out", out, "--run-id", "r", "--set", "confirm.top=0", "--set", "budget.trials=16"
    )
    assert code == 0, said
    events = list(read(RunFolder(out / "r").events))
    assert len(suggested(events)) >= 4
    by_trial = {e["id"]: e["m"]["process"] for e in events if e["e"] == "result"}
    used = [by_trial[name] for name in sorted(by_trial)]
    assert len(used) == 16 and len(set(used)) == 2 == len(set(used[-4:])), "both, and to the end"
