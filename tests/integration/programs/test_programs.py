"""``perch run`` with a training program: to its end, killed and resumed, paused and promoted, and what is refused before."""

import pytest
import yaml

from perch.log.events import read
from perch.log.folder import RunFolder
from perch.programs.config.configure import seed_of
from perch.record import load

from ...unit.programs.conftest import losses
from ..runs.conftest import results


def audit(folder):
    """Every epoch stands once, none is missing, and each loss is what an uninterrupted training gives."""
    events = list(read(RunFolder(folder).events))
    configs = {e["id"]: e["config"] for e in events if e["e"] == "trial"}
    keys = {e["id"]: e.get("key", e["id"]) for e in events if e["e"] == "trial"}
    last = {}
    for event in results(events):
        assert event["epoch"] == last.get(event["id"], 0) + 1, "an epoch is missing or stands twice"
        last[event["id"]] = event["epoch"]
        expected = losses(event["epoch"], configs[event["id"]]["lr"], seed_of(0, keys[event["id"]]))[-1]
        assert event["value"] == pytest.approx(expected, rel=1e-12), "trained from a wrong checkpoint"
        assert event["m"]["loss_mev"] == pytest.approx(1000 * event["m"]["loss"])
    return events, last


def test_a_program_is_tuned_and_leaves_the_whole_record(study, tmp_path, perch_here):
    out = tmp_path / "out"
    code, said = perch_here("run", study(), "--out", out, "--run-id", "r")
    assert code == 0, said
    audit(out / "r")
    run = load(out / "r")
    assert (run.trials.phase == "search").sum() == 6 and (run.trials.status != "failed").all()
    assert "loss_mev" in run.curves.columns and "startup_s" in run.curves.columns
    kept = yaml.safe_load((out / "r" / "study.yaml").read_text())
    assert "data" not in kept and kept["trainable"]["template_text"].startswith("{")
    page = (out / "r" / "report.html").read_text()
    assert "further numbers of the best epoch" in page and "cutoff_angstrom" not in page
    assert "a fresh seed, trained to the end: loss" in said
    best = out / "r" / "best"
    assert {"config.json", "about.json", "output.log"} <= {p.name for p in best.iterdir()}
    assert list(best.glob("epoch-*.pt"))


def test_killed_in_the_middle_and_resumed_every_epoch_is_trained_as_if_uninterrupted(
    study, tmp_path, perch, perch_here
):
    out, path = tmp_path / "out", study({"epoch_s": 0.15})
    command = perch("run", path, "--out", out, "--run-id", "r")
    command.until(out / "r", lambda events: len(results(events)) >= 9)
    command.kill()
    code, said = perch_here("run", path, "--out", out, "--run-id", "r")
    assert code == 0, said
    audit(out / "r")


def test_pausing_and_promotion_work_for_a_program_that_resumes(study, tmp_path, perch_here):
    out = tmp_path / "out"
    path = study({"epoch_s": 0.03}, strategy="asha-promote", budget={"trials": 9})
    code, said = perch_here("run", path, "--out", out, "--run-id", "r")
    assert code == 0, said
    events, last = audit(out / "r")
    assert any(e["e"] == "promote" for e in events) and max(last.values()) == 9
    assert not any(e.get("m", {}).get("started_over") for e in events)


def test_a_program_that_cannot_resume_is_refused_where_a_strategy_pauses(study, tmp_path, perch_here):
    path = study(trainable={"resume": "none"}, strategy="asha-promote")
    code, said = perch_here("run", path, "--out", tmp_path / "out")
    assert code == 2 and "asha-promote needs checkpoints" in said, said
    assert not (tmp_path / "out").exists()


def test_a_rate_of_ten_diverges_in_its_trial_alone(study, tmp_path, perch_here):
    path = study(
        {"nan_at": 4, "wild_from": 5.0}, budget={"trials": 2}, strategy="rs", confirm={"top": 0},
        space={"lr": {"float": [0.01, 20.0], "log": True}}, points=[{"lr": 10.0}, {"lr": 0.2}],
    )  # fmt: skip
    code, said = perch_here("run", path, "--out", tmp_path / "out", "--run-id", "r")
    assert code == 0, said
    run = load(tmp_path / "out" / "r")
    assert list(run.trials.sort_values("trial_id").status) == ["diverged", "completed"]
    assert list(run.trials.sort_values("trial_id").epochs) == [3, 9]


@pytest.mark.parametrize(("changes", "says"), [
    ({"trainable": {"command": ["no-such-program", "{config}"]}}, "'no-such-program' cannot be run"),
    ({"trainable": {"command": ["standin.py", "{config}"]}}, "not executable"),
    ({"space": {"learning_rate": 0.1}}, "'learning_rate' is not in the template"),
    ({"space": {"lrr": {"float": [0.1, 1]}}}, "did you mean 'lr'"),
    ({"space": {"seed": {"int": [0, 5]}}}, "the name means a seed"),
    ({"space": {"lr": {"choice": ["fast"]}}}, "'lr' cannot be 'fast'"),
    ({"metric": "accuracy"}, "hold no 'accuracy'"),
    ({"trainable": {"template": "absent.yaml"}}, "no such file"),
    ({"trainable": {"template": "standin.py"}}, "is not"),
    ({"trainable": {"metrics": {"files": "/tmp/one.txt", "format": "jsonl"}}}, "two trials would write the same one"),
    ({"trainable": {"metrics": None}}, "where the program leaves its numbers"),
    ({"trainable": {"keys": {"epoch": "epoch"}}}, "a name that tables use themselves"),
    ({"trainable": {"checkpoint": None}}, "resume needs checkpoint"),
    ({"trainable": {"command": ["sh", "{cofnig}"]}}, "nothing is called '{cofnig}'"),
    ({"trainable": {"metricss": {}}}, "unknown key 'trainable.metricss'"),
    ({"trainable": {"preset": "maze"}}, "no preset is called 'maze'"),
    ({"data": {"source": "toy"}}, "data: plays no part"),
])  # fmt: skip
def test_bad_input_is_one_clear_error_before_anything_starts(study, tmp_path, monkeypatch, changes, says):
    from perch.errors import PerchError
    from perch.runs.check import check
    from perch.runs.resolve import resolved
    from perch.study import load as load_study
    from perch.trainables import kind_of

    with pytest.raises(PerchError) as raised:
        check(kind_of(resolved(load_study(study(**changes)))))
    assert says in str(raised.value) and raised.value.exit_code == 2
