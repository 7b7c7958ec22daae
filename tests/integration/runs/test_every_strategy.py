"""Every registered strategy on a real Ray: a tiny study, ``kill -9`` in the middle, and the same decisions after it."""

import pytest

from perch.errors import StrategyError
from perch.log.events import read
from perch.log.folder import RunFolder
from perch.log.study_file import load_study
from perch.runs.strategy import build_strategy
from perch.simulate import differences
from perch.strategies.registry import STRATEGIES
from perch.strategies.searchers.multifidelity import MultiFidelity
from perch.strategies.searchers.optuna import GaussianProcess
from perch.strategies.searchers.prefetch import Inline, PrefetchSearcher
from perch.suggesting.dragonfly import DragonflyProcess, require

from .conftest import results, summary

pytestmark = pytest.mark.slow

TRIALS = 14
"""More than the points of a space-filling design, so that every surrogate is asked."""


def asked_in_place(run):
    """The run's strategy, fresh, its searcher answering at once."""
    study = load_study(run)
    strategy = build_strategy(study)
    if isinstance(strategy.searcher, PrefetchSearcher):
        space, seed = study.search_space, study.seed
        models = {"gp": GaussianProcess(space, seed), "mf": MultiFidelity(space, seed, study.epochs)}
        model = models.get(study.strategy_name[-2:])
        strategy.searcher._port = DragonflyProcess(space, seed, wait=True) if model is None else Inline(model)
    return strategy


@pytest.mark.parametrize("name", STRATEGIES.names())
def test_killed_in_the_middle_it_goes_on_and_decides_as_its_log_says(name, study, tmp_path, perch):
    if name.endswith("bo"):
        try:
            require()
        except StrategyError as reason:
            pytest.skip(str(reason))
    space = "{x: {choice: [0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.8]}}" if name == "grid" else "{x: {float: [0, 0.9]}}"
    text = study.read_text().replace("{x: {float: [0, 1]}}", space).replace("trials: 12", f"trials: {TRIALS}")
    study.write_text(text)
    out = tmp_path / "out"
    words = ("run", study, "--out", out, "--run-id", "r", "--strategy", name, "--set", "confirm.top=0")
    first = perch(*words, env={"TOY_S": "0.05"})
    first.until(out / "r", lambda events: len(results(events)) >= 20)
    first.kill()
    code, said = perch(*words).wait()
    assert code == 0, said
    run = RunFolder(out / "r")
    assert summary(run.path)["status"] == "done"
    events = list(read(run.events))
    keys = [(e["id"], e["seg"], e["epoch"]) for e in results(events)]
    assert len(set(keys)) == len(keys), "an epoch stands twice"
    assert len({e["id"] for e in events if e["e"] == "trial"}) == (7 if name == "grid" else TRIALS)
    strategy = asked_in_place(run)
    try:
        assert [str(d) for d in differences(strategy, events)] == []
    finally:
        close = getattr(strategy.searcher, "close", None)
        if close is not None:
            close()
