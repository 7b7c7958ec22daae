"""`perch compare` as a command: runs, resumes, extends, judges; with a trainable that costs no CPU."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd
import pytest
from tests.integration.signalled import SIGNALLED
from tests.patience import LIMIT_S, eventually

from perch.compare.runs.cpu import measured

TOY = """
import os
import time
from pathlib import Path

from ray import tune


class Toy(tune.Trainable):
    def setup(self, config):
        env = [os.environ.get(name, "") for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH")]
        Path(__file__).with_name("auth").write_text(" ".join(env))
        self.x, self.w = config["x"], 0.0

    def step(self):
        time.sleep(0.05)
        self.w += 1 / (1 + 8 * abs(self.x - 0.3))
        return {"loss": 1 / (1 + self.w)}

    def save_checkpoint(self, checkpoint_dir):
        Path(checkpoint_dir, "w").write_text(str(self.w))

    def load_checkpoint(self, checkpoint_dir):
        self.w = float(Path(checkpoint_dir, "w").read_text())

    def reset_config(self, new_config):
        self.setup(new_config)
        return True
"""

STUDY = """
name: toy
trainable: toy_for_compare:Toy
space: {x: {float: [0, 1]}}
metric: loss
epochs: 9
budget: {time: 10s}
log: []
"""


PERCH = ("-m", "perch.cli.main")


def perch(
    *args: object, program: Sequence[str] = PERCH, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """``perch ARGS`` as a process of its own."""
    command = [sys.executable, *program, *map(str, args)]
    env = {**os.environ, **(env or {})}
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False, env=env)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study file beside its trainable."""
    folder = tmp_path_factory.mktemp("compare")
    (folder / "toy_for_compare.py").write_text(TOY)
    (folder / "study.yaml").write_text(STUDY)
    return folder


BUDGETS_S = (16, 24, 48, 144, 512)
"""Seconds per run: the first is enough on a fast machine that does nothing else; a larger one extends the runs that exist."""


def compare(
    folder: Path,
    seeds: int,
    budget_s: int,
    study: str = "study.yaml",
    run_id: str = "c",
    program: Sequence[str] = PERCH,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Start, resume or extend a comparison."""
    return perch(
        "compare", folder / study, "--strategies", "rs,asha", "--seeds", seeds, "--time-budget", f"{budget_s}s",
        "--out", folder / "out", "--run-id", run_id, "--min-cpu-share", 0, program=program, env=env,
    )  # fmt: skip


@pytest.fixture(scope="module")
def budget_s(folder: Path) -> int:
    """A block of two strategies, three times as long as the first epoch took to come; what that is."""
    needed_s = 0.0
    for budget_s in BUDGETS_S:
        if budget_s <= needed_s:
            continue
        done = compare(folder, 1, budget_s)
        if done.returncode == 0:
            assert "no verdicts: 10 blocks are needed, there are 1" in done.stdout
            curves = [pd.read_parquet(path) for path in (folder / "out" / "c" / "runs").glob("*/curves.parquet")]
            needed_s = max(frame["time_s"].min() for frame in curves) * 3
            if needed_s < budget_s:
                return budget_s
            continue
        too_short = ("reported anything within", "is empty", "was used up before a trial reported")
        assert any(words in done.stdout + done.stderr for words in too_short), done.stdout + done.stderr
    raise AssertionError(f"no epoch in {BUDGETS_S[-1]} s: the machine has no time for this test")


@pytest.fixture(scope="module")
def comparison(folder: Path, budget_s: int) -> Path:
    """Its folder."""
    return folder / "out" / "c"


def test_runs_lie_in_folders_by_strategy_and_seed(comparison: Path, budget_s: int) -> None:
    assert sorted(p.name for p in (comparison / "runs").iterdir() if not p.name.startswith(".")) == ["asha-0", "rs-0"]
    result = json.loads((comparison / "comparison.json").read_text())
    assert result["seeds"] == [0] and len(result["conditions"]) == 2 and result["budget_s"] == budget_s
    assert all(0 <= c["cpu_share"] <= 1 for c in result["conditions"])
    assert (comparison / "figures" / "incumbents.png").is_file()


def test_its_page_is_written_by_itself_and_named_last(folder: Path, comparison: Path, budget_s: int) -> None:
    again = compare(folder, 1, budget_s)
    assert again.stdout.splitlines()[-1] == f"page:    {comparison / 'report.html'}"
    page = (comparison / "report.html").read_text(encoding="utf-8")
    assert 'href="runs/asha-0/report.html"' in page and "asha against rs: no verdict with 1 block" in page
    assert (comparison / "runs" / "asha-0" / "report.html").is_file()


def test_its_ray_has_a_token_of_its_own_though_the_trainable_imports_ray(folder: Path, budget_s: int) -> None:
    """Left to itself Ray would take one that it keeps in the home folder."""
    mode, _, path = (folder / "auth").read_text().partition(" ")
    assert mode == "token" and Path(path).parent.name.startswith("perch-"), path


def test_equal_seeds_try_equal_configurations_in_equal_order(comparison: Path) -> None:
    def tried(run: str) -> list[float]:
        trials = pd.read_parquet(comparison / "runs" / run / "trials.parquet").sort_values("ordinal")
        return [config["x"] for config in trials["config"]]

    pairs = list(zip(tried("rs-0"), tried("asha-0"), strict=False))
    assert pairs and all(a == b for a, b in pairs)


def test_again_it_runs_nothing_and_a_block_more_runs_only_that(
    folder: Path, comparison: Path, budget_s: int, shared_ray: Mapping[str, str]
) -> None:
    before = {p: p.stat().st_mtime_ns for p in comparison.glob("runs/*/events/*")}
    again = compare(folder, 1, budget_s)
    assert again.returncode == 0 and "running for" not in again.stdout
    more = compare(folder, 2, budget_s, env=shared_ray)
    assert more.returncode == 0, more.stdout + more.stderr
    assert more.stdout.count("running for") == 2
    assert all(p.stat().st_mtime_ns == t for p, t in before.items())
    assert json.loads((comparison / "comparison.json").read_text())["seeds"] == [0, 1]
    first = [pd.read_parquet(comparison / "runs" / f"rs-{s}" / "trials.parquet")["config"][0]["x"] for s in (0, 1)]
    assert first[0] != first[1]


def test_a_signal_while_a_finished_run_writes_its_record_ends_the_comparison_after_it(
    folder: Path, budget_s: int, shared_ray: Mapping[str, str]
) -> None:
    script = folder / "told.py"
    script.write_text(SIGNALLED.format(module="perch.runs.drive", name="finish_record"))
    done = compare(folder, 1, budget_s, run_id="told", program=[str(script)], env=shared_ray)
    assert done.returncode == 75 and "Traceback" not in done.stderr, done.stdout + done.stderr
    assert done.stdout.count("running for") == 1 and "interrupted; go on with" in done.stdout
    assert len(list((folder / "out" / "told" / "conditions").iterdir())) == 1, "the run that ended is kept"


def test_existing_runs_are_judged_without_running(folder: Path, comparison: Path) -> None:
    runs = [comparison / "runs" / f"{s}-{seed}" for s in ("rs", "asha") for seed in (0, 1)]
    done = perch("compare", *runs, "--out", folder / "judged", "--run-id", "j")
    assert done.returncode == 0, done.stderr
    assert (folder / "judged" / "j" / "comparison.json").is_file() and "running for" not in done.stdout


def test_bad_input_is_refused_before_anything_starts(
    folder: Path, comparison: Path, perch_here: Callable[..., tuple[int, str]]
) -> None:
    other = folder / "other.yaml"
    other.write_text(STUDY.replace("epochs: 9", "epochs: 3"))
    study, out, one = folder / "study.yaml", folder / "out", comparison / "runs" / "rs-0"
    for words, *said in [
        (("compare", other, "--strategies", "rs,asha", "--seeds", 1, "--out", out, "--run-id", "c"), "another study", "epochs"),
        (("compare", study, "--strategies", "rs,ashaa"), "ashaa"),
        (("compare", study, "--seeds", 0), "--seeds 0"),
        (("compare", study, "--time-budget", "soon"), "--time-budget soon"),
        (("compare", one, "--out", out), "nothing to compare with"),
        (("compare", study, "--only", 99, "--out", out), "--only 99"),
        (("schedule", one), "holds no schedule"),
        (("audit", one), "no trial of"),
    ]:  # fmt: skip
        code, printed = perch_here(*words)
        assert code == 2 and all(word in printed for word in said), (words, printed)


def test_processes_of_others_are_told_from_our_own() -> None:
    """A busy child is ours; a busy orphan is not, and takes its core from the share.

    What the workers of a Ray in this process use counts as ours only from the next sample on, so the margin is wide.
    """
    burn = f"{sys.executable} -c 'import time; e = time.process_time() + 3.0\nwhile time.process_time() < e: pass'"
    with measured(float(os.cpu_count() or 1)) as cpu:
        subprocess.run(["sh", "-c", f"({burn} &)"], check=True)
        eventually(lambda: cpu.others_so_far_s() >= 2.0, "the orphan's seconds were not seen")
    assert cpu.others_core_s >= 0.7 and cpu.share is not None and cpu.share < 1
