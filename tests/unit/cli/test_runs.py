"""Commands that read a run: report, board, why, predict, strategies, wandb."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.hand_made import result, run_folder, study, trial

from perch.boards import serve, source, wandb_process
from perch.errors import RecordError
from perch.predict import predict as predicting
from perch.predict.predict import Prediction
from perch.report import several
from perch.strategies.registry import STRATEGIES

Perch = Callable[..., Any]


def test_report_prints_the_pages_that_it_wrote(perch: Perch, replaced: Callable[..., Any]) -> None:
    called = replaced(several, "write_reports", [Path("a/report.html"), Path("b/report.html")])
    assert perch("report", "a", "b") == (0, "a/report.html\nb/report.html\n", "")
    assert list(called.values()) == [[Path("a"), Path("b")], None, True]
    perch("report", "a", "--out", "there", "--no-figures")
    assert list(called.values()) == [[Path("a")], Path("there"), False]


def test_board_says_where_it_listens_and_ends_with_ctrl_c(
    perch: Perch, replaced: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(signal, "pause", interrupted)
    folder = replaced(source, "logdir", Path("links"))
    replaced(source, "runs_filter", "^(00001|00002)$")
    served = replaced(serve, "serve", "http://127.0.0.1:6006/secret/")
    said = perch("board", "r")
    assert said.code == 0 and "http://127.0.0.1:6006/secret/?runFilter=%5E%28" in said.out and "Ctrl-C" in said.out
    assert list(folder.values()) == [Path("r"), None, False]
    assert list(served.values())[:4] == [Path("links"), "127.0.0.1", 0, True], (
        "this machine alone, behind a random path"
    )
    perch("board", "r", "--host", "0.0.0.0", "--port", 6006, "--no-secret", "--top", 9, "--rebuild")
    assert list(folder.values()) == [Path("r"), 9, True]
    assert list(served.values())[:4] == [Path("links"), "0.0.0.0", 6006, False]


def test_why_explains_a_trial_by_its_number(perch: Perch, tmp_path: Path) -> None:
    events = (trial("00000", {"x": 0.1}, 1.0), result("00000", 1, 0.5, 2.0, "stop", rung=1, cutoff=0.4, rank=3, size=3))
    run_folder(tmp_path / "r", study(), events)
    said = perch("why", tmp_path / "r", "0")
    assert said.code == 0 and "0.5" in said.out and "0.4" in said.out
    code, _, err = perch("why", tmp_path / "r", "7")
    assert code == 2 and "7" in err and "fix:" in err
    assert perch("why", tmp_path / "nowhere", "0").code == 2


def energies(*warnings: str) -> tuple[list[Prediction], list[Any]]:
    found = [Prediction("a", "CuO", -1.25, 0.5, 0.25), Prediction("b", "CuN", 2.0, float("nan"), 3.0, list(warnings))]
    return found, [SimpleNamespace(), SimpleNamespace()]


def test_predict_prints_csv_and_warns_beside_it(perch: Perch, replaced: Callable[..., Any]) -> None:
    called = replaced(predicting, "predict", energies("far from the training set"))
    said = perch("predict", "r", "new.xyz")
    assert said.code == 0
    assert said.out == (
        "id,formula,energy_ev,deviation_ev,distance,warnings\n"
        "a,CuO,-1.2500,0.5000,0.25,\nb,CuN,2.0000,,3.00,far from the training set\n"
    )
    assert "1 of 2 are doubtful" in said.err and "b: far from the training set" in said.err
    expected = {"run": Path("r"), "structures": Path("new.xyz"), "top": None, "allow_unseen": False, "device": "auto"}
    assert dict(called) == expected


def test_predict_writes_a_file_with_the_models_and_the_device_asked_for(
    perch: Perch, replaced: Callable[..., Any], tmp_path: Path
) -> None:
    called = replaced(predicting, "predict", energies())
    path = tmp_path / "out.csv"
    said = perch("predict", "r", "new.xyz", "-o", path, "--top", 2, "--allow-unseen", "--device", "cpu")
    assert said == (0, f"2 energies in {path}\n", "") and path.read_text().count("\n") == 3
    assert (called["top"], called["allow_unseen"], called["device"]) == (2, True, "cpu")


def test_every_strategy_is_listed_and_has_a_page(perch: Perch) -> None:
    said = perch("strategies")
    lines = [line.split("\t") for line in said.out.splitlines()]
    assert said.code == 0 and [line[0] for line in lines] == list(STRATEGIES.names())
    assert all(len(line) == 4 and all(line) for line in lines), "strategy, scheduler, searcher, when to use it"
    for name in STRATEGIES.names():
        assert name in perch("strategies", name).out
    code, _, err = perch("strategies", "ashaa")
    assert code == 2 and "did you mean 'asha'?" in err


@pytest.mark.parametrize(("sent", "said"), [(3, "sent 3 W&B runs of r"), (0, "nothing of r is waiting")])
def test_wandb_says_how_much_it_sent(perch: Perch, replaced: Callable[..., Any], sent: int, said: str) -> None:
    called = replaced(wandb_process, "sync", sent)
    assert perch("wandb", "sync", "r") == (0, said + "\n", "")
    assert list(called.values()) == [Path("r")]


def test_wandb_that_cannot_send_is_one_clear_error(perch: Perch, replaced: Callable[..., Any]) -> None:
    replaced(wandb_process, "sync", RecordError("no key", why="WANDB_API_KEY is not set", fix="set it"))
    assert perch("wandb", "sync", "r")[::2] == (2, "perch: no key\n  why: WANDB_API_KEY is not set\n  fix: set it\n")
