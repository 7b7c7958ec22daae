"""One network with its optimiser on one division of the data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss, mse_loss

from perch.data.graph import Split
from perch.errors import Diverged, StudyError
from perch.model import MODELS
from perch.model.batch import Batch
from perch.model.flat import FlatData
from perch.space import keyed_rng

EVALUATION_BYTES = 256 * 2**20
"""What one convolution may hold for the bonds of an evaluation batch."""

LOSSES = {"l1": l1_loss, "mse": mse_loss}
PRECISIONS = ("float32", "bfloat16")


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
        precision: str,
    ) -> None:
        if precision not in PRECISIONS:
            raise StudyError(
                f"precision is '{precision}'", why=f"known are: {', '.join(PRECISIONS)}", fix="use one of them"
            )
        self.data, self.config, self.key = data, config, key
        self.bfloat16 = precision == "bfloat16"
        known = target_ev[split.train]
        self.mean_ev, self.deviation_ev = float(known.mean()), max(float(known.std()), 1e-6)
        self.target_ev = torch.as_tensor(target_ev, dtype=torch.float32, device=data.device)
        self.normalised = torch.as_tensor(
            (target_ev - self.mean_ev) / self.deviation_ev, dtype=torch.float32, device=data.device
        )
        self.train_rows = torch.as_tensor(np.array(split.train), device=data.device)
        sets = {"validation": split.validation, "test": split.test}
        sets |= {f"test:{name}": rows for name, rows in split.tests.items()}
        self.sets = {name: torch.as_tensor(np.array(rows), device=data.device) for name, rows in sets.items() if len(rows)}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed("weights"))
            self.network: nn.Module = MODELS.get(model)(
                config, atom_features=data.atom_features, bond_features=data.bond_features
            )
        self.network.to(data.device)
        self.optimizer = make_optimizer(self.network, config)
        self._evaluation: list[tuple[Tensor, Batch]] | None = None

    def train(self, now: Mapping[str, Any], epoch: int) -> float:
        """One epoch under the hyperparameters in force; the mean absolute error in eV over its batches."""
        apply(self.optimizer, now)
        self.network.train()
        loss_of = LOSSES[now["loss"]]
        order = torch.from_numpy(keyed_rng(self.key[0], "order", *self.key[1:], epoch).permutation(len(self.train_rows)))
        shuffled = self.train_rows[order.to(self.data.device)]
        total = torch.zeros((), device=self.data.device)
        for rows in shuffled.split(now["batch_size"]):
            batch = self.data.batch(rows)
            with self._cast():
                energy = self.network(batch).float()
            loss = loss_of(energy, self.normalised[rows])
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            with torch.no_grad():
                total += (energy - self.normalised[rows]).abs().sum()
        mae_ev = total.item() * self.deviation_ev / len(shuffled)
        if not np.isfinite(mae_ev):
            raise Diverged(
                f"the loss is no finite number in epoch {epoch}",
                why=f"the training ran away with lr = {now['lr']:.3g}",
                fix="nothing to do: the trial ends as diverged",
            )
        return mae_ev

    def evaluate(self) -> dict[str, float]:
        """Mean absolute error in eV of each set of rows."""
        if self._evaluation is None:
            rows = torch.cat(list(self.sets.values()))
            self._evaluation = [(part, self.data.batch(part)) for part in self._parts(self.data, rows)]
        energy = torch.cat([self._predict(batch) for _, batch in self._evaluation])
        rows = torch.cat([part for part, _ in self._evaluation])
        errors = (energy - self.target_ev[rows]).abs().split([len(r) for r in self.sets.values()])
        means = torch.stack([e.mean() for e in errors]).tolist()
        return dict(zip(self.sets, means, strict=True))

    def predict(self, data: FlatData) -> Tensor:
        """Energies in eV of every graph of ``data`` (G,)."""
        rows = torch.arange(len(data), device=data.device)
        return torch.cat([self._predict(data.batch(part)) for part in self._parts(data, rows)])

    def embed(self, data: FlatData, rows: Tensor) -> Tensor:
        """Pooled vectors after the last convolution (G, F): where a structure lies for the network."""
        self.network.eval()
        with torch.inference_mode():
            batches = (data.batch(part) for part in self._parts(data, rows))
            return torch.cat([batch.pool(self.network.embed(batch)) for batch in batches])  # type: ignore[operator]

    def state(self) -> dict[str, Any]:
        """Weights, optimiser state, normaliser."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict()["state"],
            "mean_ev": self.mean_ev,
            "deviation_ev": self.deviation_ev,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over a state; settings of the optimiser stay those of the configuration."""
        self.network.load_state_dict(state["network"])
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state["optimizer"], "param_groups": groups})
        self.mean_ev, self.deviation_ev = state["mean_ev"], state["deviation_ev"]

    def _predict(self, batch: Batch) -> Tensor:
        self.network.eval()
        with torch.inference_mode(), self._cast():
            return self.network(batch).float() * self.deviation_ev + self.mean_ev  # type: ignore[no-any-return]

    def _parts(self, data: FlatData, rows: Tensor) -> Iterator[Tensor]:
        """Rows in parts whose bonds fit into memory."""
        width = 2 * self.config["atom_embedding_size"] + data.bond_features
        bytes_per_graph = float(data.bonds_of.sizes.max()) * width * 4
        yield from rows.split(max(int(EVALUATION_BYTES / bytes_per_graph), 1))

    def _cast(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.data.device.type, torch.bfloat16) if self.bfloat16 else nullcontext()

    def _seed(self, purpose: str) -> int:
        return int(keyed_rng(self.key[0], purpose, *self.key[1:]).integers(2**63))


def make_optimizer(network: nn.Module, config: Mapping[str, Any]) -> torch.optim.Optimizer:
    """The configuration's optimiser; ``momentum`` is Adam's first beta."""
    parameters, name = list(network.parameters()), config["optimizer"]
    common = {"lr": config["lr"], "weight_decay": config["weight_decay"], "fused": True}
    if name == "sgd":
        return torch.optim.SGD(parameters, momentum=config["momentum"], **common)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[name]
    return kind(parameters, betas=(config["momentum"], 0.999), **common)


def apply(optimizer: torch.optim.Optimizer, now: Mapping[str, Any]) -> None:
    """Put the hyperparameters in force into the optimiser."""
    for group in optimizer.param_groups:
        group["lr"], group["weight_decay"] = now["lr"], now["weight_decay"]
        if "betas" in group:
            group["betas"] = (now["momentum"], group["betas"][1])
        else:
            group["momentum"] = now["momentum"]
