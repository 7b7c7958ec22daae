"""A finished run on a file of small slabs, whose trials were really trained: for tests of ``best/`` and of what names it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pandas as pd
from tests.unit.hand_made import result, run_folder, start, trial

from perch.best.models import write_best
from perch.data.prepare import prepare
from perch.log.folder import RunFolder
from perch.study import parse
from perch.training.loop import Training
from perch.training.weights import keep, kept_of

EPOCHS = 3


class SmallRun:
    """A finished run on a file of small slabs; its trials were really trained, and their weights kept as asked."""

    def __init__(self, path: Path, structures: list[Any]) -> None:
        self.path, self.cache = path, path / "cache"
        frames = []
        for n, atoms in enumerate(structures):
            frame = atoms.copy()
            frame.info = {
                "id": f"s{n:02d}",
                "y": float((atoms.positions[-1, 2] - atoms.positions[-2, 2] - 1.2) ** 2 * 8 + n % 3),
            }
            frames.append(frame)
        path.mkdir()
        ase.io.write(path / "slabs.extxyz", frames)
        self.study = parse({
            "name": "small", "epochs": EPOCHS, "strategy": "rs", "seed": 3, "confirm": {"top": 0}, "base": str(path),
            "data": {
                "source": "extxyz", "path": "slabs.extxyz", "target": "y", "adsorbate": {"tags": "ase"},
                "cutoff_angstrom": 4.0, "max_neighbors": 6, "split": {"group": "none", "train": 0.4, "validation": 0.2, "test": 0.4},
            },
            "space": {
                "lr": {"float": [0.001, 0.1]}, "atom_embedding_size": 4, "num_graph_conv_layers": 1, "fc_feat_size": 4,
                "batch_size": 6,
            },
        })  # fmt: skip
        self.prepared = prepare(self.study.data, base=path, cache=self.cache)
        self.folder = RunFolder(path / "run")
        self.events: list[dict[str, Any]] = [{"e": "attempt", "used_s": 0.0, "baselines": {"mean": 1.0}}]
        self.states: dict[str, dict[int, Any]] = {}

    def config(self, lr: float) -> dict[str, Any]:
        return {**self.study.search_space.draw(0, 0), "lr": lr}

    def fresh(self, of: str, repeat: int, lr: float, value: float) -> None:
        """A full training of a trial's configuration with a fresh seed."""
        more = {"phase": "confirm", "of": of, "repeat": repeat, "key": f"confirm-{repeat}"}
        self.train(f"confirm-{of}-{repeat}", lr, [value + 0.2, value + 0.1, value], **more)

    def train(self, name: str, lr: float, values: list[float], *, segments: int = 1, **more: Any) -> None:
        """A trial that reports ``values``, which need not be what its network is worth."""
        ordinal = len(self.states)
        config = self.config(lr)
        training = Training(self.prepared, config, epochs=EPOCHS, seed=3, key=more.get("key", name), threads=1)
        self.states[name] = {}
        self.events += [{**trial("00000", config, 1.0, **more), "id": name, "i": ordinal}, start(name, 1.0)]
        for epoch, value in enumerate(values, 1):
            training.epoch()
            self.states[name][epoch] = kept_of(training, trial=name, value=value)
            last = epoch == len(values)
            metrics = {"validation_mae_ev": value, "test_mae_ev": value + 0.5}
            x = (
                {"x": {"donor": name, "seg": 0, "epoch": epoch, "config": config}}
                if segments > 1 and epoch == 1
                else {}
            )
            decision = "stop" if last else "exploit" if x else "go"
            segment = 1 if segments > 1 and epoch > 1 else 0
            self.events.append(result(name, epoch, value, 1.0 + epoch, decision, m=metrics, seg=segment, **x))

    def keep(self, name: str, epoch: int) -> None:
        """Leave weights as a leading trial does."""
        keep(self.folder.weights, self.states[name][epoch])

    def finish(self) -> None:
        run_folder(self.folder.path, self.study, [*self.events, {"e": "close", "why": "done", "used_s": 9.0}])

    def predictions_of(self, name: str, epoch: int) -> np.ndarray:
        """What a trial's network predicted after an epoch."""
        training = Training(self.prepared, self.states[name][epoch].config, epochs=EPOCHS, seed=3, key=name, threads=1)
        for fold, saved in zip(training.folds, self.states[name][epoch].folds, strict=True):
            fold.load(saved)
        return training.predict(self.prepared.graphs)

    def write(self) -> list[str]:
        return write_best(self.study, self.folder, self.cache)

    @property
    def table(self) -> pd.DataFrame:
        return pd.read_parquet(self.folder.best / "predictions.parquet")
