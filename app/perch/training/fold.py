"""One network with its optimiser on one division of the data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss, mse_loss

from perch.data.graphs.graph import Split
from perch.errors import Diverged
from perch.model import MODELS
from perch.model.batch import Batch
from perch.model.flat import KEPT_EXPANSION_BYTES, FlatData
from perch.space import keyed_rng
from perch.training.average import Average
from perch.training.inference import Predictor

LOSSES: Mapping[str, Any] = {"l1": l1_loss, "mse": mse_loss}


class Fold:
    """Trains one network; energies inside are normalised with the training rows' mean and deviation."""

    def __init__(
        self,
        data: FlatData,
        split: Split,
        target_ev: np.ndarray,
        config: Mapping[str, Any],
        model: str,
        key: tuple[int, str, int],
        kept_bytes: int = KEPT_EXPANSION_BYTES,
    ) -> None:
        """``key``: (seed, trial's key, number of the fold), from which all randomness comes.

        ``kept_bytes``: batches of the evaluation are kept from epoch to epoch up to this size, and made anew beyond it.
        """
        self.data, self.key = data, key
        known = target_ev[split.train]
        mean_ev, deviation_ev = float(known.mean()), max(float(known.std()), 1e-6)
        self.target_ev = self._tensor(target_ev)
        self.normalised = self._tensor((target_ev - mean_ev) / deviation_ev)
        self.train_rows = torch.tensor(split.train)
        self.sets = _sets(split)
        self._rows = torch.cat(list(self.sets.values()))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(keyed_rng(key[0], "weights", *key[1:]).integers(2**63)))
            network = MODELS.get(model)(config, atom_features=data.atom_features, bond_features=data.bond_features)
        self.network = network.to(data.device)
        self._config = config
        self.predictor = Predictor(self.network, config["atom_embedding_size"], mean_ev, deviation_ev)
        self.average: Average | None = None
        self._evaluation: list[Batch] = []
        self._kept_bytes = kept_bytes

    @cached_property
    def optimizer(self) -> torch.optim.Optimizer:
        """Made when it is first wanted: PyTorch imports its compiler for one, seconds that predicting can do without."""
        return make_optimizer(self.network, self._config)

    def want_optimizer(self) -> None:
        """Make it now, so that the first epoch's seconds do not hold it."""
        _ = self.optimizer

    def train(self, now: Mapping[str, Any], epoch: int) -> float:
        """One epoch under the hyperparameters in force; the mean absolute error in eV over its batches."""
        apply(self.optimizer, now)
        decay = now["ema_decay"]
        self._put_average((self.average or Average(self.network)) if decay > 0 else None)
        self.network.train()
        order = keyed_rng(self.key[0], "order", *self.key[1:], epoch).permutation(len(self.train_rows))
        shuffled = self.train_rows[torch.from_numpy(order)]
        size, there = now["batch_size"], shuffled.to(self.data.device)
        total = torch.zeros((), device=self.data.device)
        for rows, on_host in zip(torch.split(there, size), torch.split(shuffled, size), strict=True):
            total += self.step(rows, on_host, now)
            if self.average is not None:
                self.average.update(decay)
        mae_ev = total.item() * self.predictor.deviation_ev / len(shuffled)
        if not np.isfinite(mae_ev):
            raise Diverged(
                f"the loss is no finite number in epoch {epoch}",
                why=f"the training ran away with lr = {now['lr']:.3g}",
                fix="nothing to do: the trial ends as diverged",
            )
        return mae_ev

    def evaluate(self) -> dict[str, float]:
        """Mean absolute error in eV of each set of rows."""
        energy = torch.cat([self.predictor.energies(batch) for batch in self._batches()])
        rows = self._rows.to(self.data.device)
        errors = torch.split((energy - self.target_ev[rows]).abs(), [len(r) for r in self.sets.values()])
        return dict(zip(self.sets, torch.stack([e.mean() for e in errors]).tolist(), strict=True))

    def _batches(self) -> Iterator[Batch]:
        """The batches of the evaluation, the same at every epoch; the first ones are kept, as far as they have room."""
        yield from self._evaluation
        room, kept = self._kept_bytes - sum(batch.own_bytes for batch in self._evaluation), len(self._evaluation)
        for part in list(self.predictor.parts(self.data, self._rows))[kept:]:
            batch = self.data.batch(part.to(self.data.device), part)
            room -= batch.own_bytes
            if room >= 0:
                self._evaluation.append(batch)
            yield batch

    def state(self) -> dict[str, Any]:
        """Weights, optimiser state, normaliser; with a running average that too."""
        out = {
            **self._normaliser(),
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict()["state"],
        }
        return out if self.average is None else {**out, "average": self.average.state()}

    def model_state(self) -> dict[str, Any]:
        """What predicting needs: weights, or their running average, and normaliser."""
        return {**self._normaliser(), "network": self.predictor.network.state_dict()}

    def _normaliser(self) -> dict[str, float]:
        return {"mean_ev": self.predictor.mean_ev, "deviation_ev": self.predictor.deviation_ev}

    def _put_average(self, average: Average | None) -> None:
        """Predict with the running average from now on; None: with the weights themselves."""
        self.average = average
        self.predictor.network = self.network if average is None else average.network

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over a state; settings of the optimiser stay those of the configuration."""
        self.network.load_state_dict(state["network"])
        self._put_average(Average(self.network, state["average"]) if "average" in state else None)
        if "optimizer" in state:
            groups = self.optimizer.state_dict()["param_groups"]
            self.optimizer.load_state_dict({"state": state["optimizer"], "param_groups": groups})

    def step(self, rows: Tensor, on_host: Tensor, now: Mapping[str, Any]) -> Tensor:
        """One step of the optimiser; the sum of absolute errors, normalised. ``on_host``: the same rows on the CPU."""
        batch, target = self.data.batch(rows, on_host), self.normalised[rows]
        energy = self.network(batch)
        self.optimizer.zero_grad(set_to_none=True)
        LOSSES[now["loss"]](energy, target).backward()
        if now["clip_norm"] > 0:
            nn.utils.clip_grad_norm_(self.network.parameters(), now["clip_norm"])
        self.optimizer.step()
        return (energy.detach() - target).abs().sum()  # type: ignore[no-any-return]

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=self.data.device)


def _sets(split: Split) -> dict[str, Tensor]:
    """Rows by the names of the sets that are evaluated; empty ones are left out."""
    sets = {"validation": split.validation, "test": split.test}
    sets |= {f"test_{name}": rows for name, rows in split.tests.items()}
    return {name: torch.tensor(rows) for name, rows in sets.items() if len(rows)}


def make_optimizer(network: nn.Module, config: Mapping[str, Any]) -> torch.optim.Optimizer:
    """The configuration's optimiser; ``momentum`` is Adam's first beta."""
    parameters, name = list(network.parameters()), config["optimizer"]
    lr, decay, momentum = config["lr"], config["weight_decay"], config["momentum"]
    if name == "sgd":
        return torch.optim.SGD(parameters, lr=lr, weight_decay=decay, momentum=momentum, fused=True)
    kind: type[torch.optim.Adam] = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[name]
    return kind(parameters, lr=lr, weight_decay=decay, betas=(momentum, 0.999), fused=True)


def apply(optimizer: torch.optim.Optimizer, now: Mapping[str, Any]) -> None:
    """Put the hyperparameters in force into the optimiser."""
    for group in optimizer.param_groups:
        group["lr"], group["weight_decay"] = now["lr"], now["weight_decay"]
        if "betas" in group:
            group["betas"] = (now["momentum"], group["betas"][1])
        else:
            group["momentum"] = now["momentum"]
