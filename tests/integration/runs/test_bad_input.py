"""Bad input: one error of what, why and what to do; exit 2; nothing has started and nothing is left behind.

The command runs in this process: what is refused is refused before Ray or torch are imported, so it takes no time.
"""

import subprocess
import sys

import pytest
import yaml

from perch.cli.main import main

TOY = {"data": {"source": "toy"}, "budget": {"trials": 2}, "epochs": 1, "log": []}


def spec(**changes):
    """A study on the toy source, with changes by dotted path."""
    out = yaml.safe_load(yaml.safe_dump(TOY))
    for path, value in changes.items():
        node = out
        *parents, last = path.split("__")
        for key in parents:
            node = node.setdefault(key, {})
        node[last] = value
    return yaml.safe_dump(out)


CASES = {
    # name: (study file or None, further arguments, words of the message)
    "no such file": (None, ["nowhere.yaml"], ["cannot read the study", "no such file"]),
    "a folder": (None, ["."], ["it is a folder"]),
    "malformed YAML": ("name: x\nspace: [1, 2\nseed: 3\n", [], ["line 3", "column"]),
    "a list": ("- 1\n- 2\n", [], ["is not a study"]),
    "unknown key": (spec(stragegy="asha"), [], ["unknown key 'stragegy'", "did you mean 'strategy'?"]),
    "unknown nested key": (spec(data__splitt=1), [], ["data.splitt", "did you mean 'split'?"]),
    "unknown strategy": (spec(strategy="ashaa"), [], ["no strategy is called 'ashaa'", "did you mean"]),
    "unknown setting": (spec(strategy={"name": "asha", "reduction": 3}), [], ["no setting is called 'reduction'"]),
    "setting out of range": (spec(strategy={"name": "asha", "reduction_factor": 1}), [], ["reduction_factor"]),
    "grace period above epochs": (spec(strategy={"name": "asha", "grace_period": 9}), [], ["grace_period"]),
    "unknown source": (spec(data__source="materialsproject"), [], ["no data source is called"]),
    "unknown trainable": (spec(trainable="cgcn"), [], ["no trainable is called 'cgcn'"]),
    "trainable that does not import": (spec(trainable="nowhere:Nothing"), [], ["cannot be imported"]),
    "unknown space": (spec(space="source-2021"), [], ["no space is called 'source-2021'", "source-2020"]),
    "inverted range": (spec(space={"lr": {"float": [0.1, 0.01]}}), [], ["inverted", "swap"]),
    "empty range": (spec(space={"num_fc_layers": {"int": [2, 2]}}), [], ["empty"]),
    "log of zero": (spec(space={"lr": {"float": [0, 1], "log": True}}), [], ["logarithm"]),
    "unknown range": (spec(space={"lr": {"flot": [0, 1]}}), [], ["did you mean 'float'?"]),
    "empty choice": (spec(space={"batch_size": {"choice": []}}), [], ["empty choice"]),
    "unknown hyperparameter": (spec(space={"learning_rate": {"float": [0.1, 1.0]}}), [], ["learning_rate"]),
    "value that no model takes": (spec(space={"pooling": {"choice": ["max"]}}), [], ["pooling"]),
    "condition with a typo": (spec(space={"lr": {"float": [0.1, 1.0]}, "where": "lrr < 1"}), [], ["'lrr' is not in the space"]),
    "condition that calls": (spec(space={"lr": {"float": [0.1, 1.0]}, "where": "exit() < 1"}), [], ["more than compare"]),
    "condition without a value somewhere": (
        spec(space={"n": {"int": [0, 30]}, "where": "6 / n >= 0.01"}), [], ["'6 / n >= 0.01' cannot be evaluated for n = 0", "division by zero"]
    ),
    "condition that compares text with a number": (
        spec(space={"opt": {"choice": ["sgd", "adam"]}, "where": "opt > 3"}), [], ["'opt > 3' cannot be evaluated for opt = "]
    ),
    "metric of test rows": (spec(metric="test_mae_ev"), [], ["made of test rows", "--allow-test-metric"]),
    "metric of test rows of an own trainable": (
        spec(trainable="json:dumps", metric="loss/test", space={"x": {"float": [0.0, 1.0]}}), [], ["made of test rows"]
    ),
    "share of nothing": (spec(confirm={"share": 0}), [], ["confirm.share", "greater than 0"]),
    "condition that is no text": (spec(space={"lr": {"float": [0.1, 1.0]}, "where": 5}), [], ["5 is no condition"]),
    "condition that nothing meets": (spec(space={"lr": {"float": [0.1, 1.0]}, "where": "lr > 2"}), [], ["no configuration"]),
    "point outside the space": (spec(space={"lr": {"float": [0.1, 1.0]}}, points=[{"lr": 3.0}]), [], ["outside"]),
    "zero trials": (spec(budget__trials=0), [], ["budget.trials"]),
    "negative epochs": (spec(epochs=-1), [], ["epochs"]),
    "a duration nobody can read": (spec(), ["--time-budget", "8 parsecs"], ["a duration is written"]),
    "shares that do not add up": (spec(data__split={"train": 0.9, "validation": 0.2, "test": 0.1}), [], ["add up to 1.2"]),
    "more folds than structures": (spec(data__split={"folds": 100000}), [], ["fold"]),
    "a missing data path": (spec(data={"source": "extxyz"}), [], ["needs a path"]),
    "a data path that is not there": (spec(data={"source": "extxyz", "path": "no.xyz"}), [], ["no.xyz", "does not exist"]),
    "a checksum that is none": (spec(data={"source": "extxyz", "path": "https://x.example/a.xyz"}), [], ["checksum"]),
    "two ways to name an adsorbate": (
        spec(data__adsorbate={"tags": "ase", "symbols": ["O"]}), [], ["exactly one of tags, symbols, indices"]
    ),
    "pooling over atoms that nobody names": (
        spec(data={"source": "extxyz", "path": "plain.xyz", "target": "y"}, space={"pooling": {"choice": ["surface"]}}), [],
        ["no choice of pooling", "never guessed"],
    ),
    "every batch too large": (spec(space={"batch_size": {"choice": [4096, 8192]}}), [], ["no choice of batch_size", "the training set has"]),
    "more cores than there are": (spec(resources__cpus=4096), [], ["4096 cores"]),
    "an override without a value": (spec(), ["--set", "seed"], ["PATH=VALUE"]),
    "a run id that is a path": (spec(), ["--run-id", "a/b"], ["cannot name a folder"]),
    "nothing to resume": (spec(), ["--resume"], ["nothing to resume"]),
    "an unknown option": (spec(), ["--strateggy", "asha"], ["strateggy"]),
    "points from nowhere": (spec(points={"from": "nowhere"}), [], ["is not a run"]),
    "history from nowhere": (spec(history="nowhere"), [], ["is not a run"]),
}  # fmt: skip


def refuse(tmp_path, monkeypatch, capsys, text, arguments):
    monkeypatch.chdir(tmp_path)
    plain = "".join(
        f'2\nProperties=species:S:1:pos:R:3 pbc="F F F" y={0.1 * n}\n{element} 0 0 0\nH 0 0 {0.9 + 0.01 * n}\n'
        for n, element in enumerate(10 * ["O", "S", "C", "N"])
    )
    (tmp_path / "plain.xyz").write_text(plain)
    if text is not None:
        (tmp_path / "study.yaml").write_text(text)
        arguments = ["study.yaml", *arguments]
    monkeypatch.setattr(sys, "argv", ["perch", "run", *arguments, "--out", "results"])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err
    return ended.value.code, said


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused_with_what_why_and_fix(name, tmp_path, monkeypatch, capsys):
    text, arguments, words = CASES[name]
    code, said = refuse(tmp_path, monkeypatch, capsys, text, arguments)
    assert code == 2, said
    for word in words:
        assert word in said
    assert "Traceback" not in said
    left = {p.name for p in (tmp_path / "results").iterdir()} if (tmp_path / "results").exists() else set()
    assert left <= {".cache"}, "nothing is left behind"


def test_a_bad_study_is_refused_before_anything_heavy_is_imported(tmp_path):
    (tmp_path / "study.yaml").write_text(CASES["unknown key"][0])
    code = (
        "import sys; sys.argv = ['perch', 'run', 'study.yaml'];\n"
        "from perch.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as e: assert e.code == 2\n"
        "heavy = {'torch', 'ray', 'ase', 'pandas', 'matplotlib', 'pyarrow'} & sys.modules.keys()\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_folder_that_cannot_be_written_is_refused(tmp_path, monkeypatch, capsys):
    (tmp_path / "results").write_text("a file where a folder should be")
    code, said = refuse(tmp_path, monkeypatch, capsys, spec(), [])
    assert code == 2
    assert "cannot write" in said


def test_a_run_of_another_study_is_not_gone_on_with(tmp_path, monkeypatch, capsys):
    from perch.study import dump, load

    (tmp_path / "study.yaml").write_text(spec())
    folder = tmp_path / "results" / "mine"
    folder.mkdir(parents=True)
    from perch.runs.resolve import resolved

    other = resolved(load(tmp_path / "study.yaml", ["seed=5", "epochs=7"]))
    (folder / "study.yaml").write_text(dump(other))
    code, said = refuse(tmp_path, monkeypatch, capsys, spec(), ["--run-id", "mine"])
    assert code == 2
    assert "seed" in said and "epochs" in said
