"""The hyperparameters of the models: names, defaults, which may change in mid-training. Torch-free: strategies read it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final

from perch.errors import StudyError

ALGORITHM_KEYS: Final = (
    "lr",
    "batch_size",
    "momentum",
    "weight_decay",
    "lr_schedule",
    "loss",
    "ema_decay",
    "clip_norm",
)
"""May change between two epochs of one trial: weights and optimiser state fit on (what PBT perturbs)."""

ARCHITECTURE_KEYS: Final = (
    "atom_embedding_size",
    "num_graph_conv_layers",
    "fc_feat_size",
    "num_fc_layers",
    "pooling",
    "optimizer",
    "cutoff_angstrom",
    "max_neighbors",
)
"""Shape the weights, the graphs or the optimiser's state: fixed for a trial's life."""

DEFAULTS: Final[Mapping[str, Any]] = {
    "atom_embedding_size": 64,
    "num_graph_conv_layers": 3,
    "fc_feat_size": 128,
    "num_fc_layers": 1,
    "pooling": "mean",
    "optimizer": "adam",
    "lr": 0.01,
    "batch_size": 64,
    "momentum": 0.9,
    "weight_decay": 0.0,
    "lr_schedule": "constant",
    "loss": "l1",
    "ema_decay": 0.0,
    "clip_norm": 0.0,
    "cutoff_angstrom": None,
    "max_neighbors": None,
}
"""What a configuration that lacks a key gets. None: what the study's ``data`` section says."""

START: Final[Mapping[str, Any]] = {**DEFAULTS, "lr": 0.003, "batch_size": 16, "ema_decay": 0.99, "clip_norm": 1.0}
"""What tuning starts from, and is measured against, where a study names no point: trained with the care of somebody who knows such
networks. ``DEFAULTS`` stay those of the published network, since configurations that lack a key are read with them."""

MEANINGS: Final[Mapping[str, str]] = {
    "atom_embedding_size": "width of an atom's vector",
    "num_graph_conv_layers": "convolutions; 0: none",
    "fc_feat_size": "width of the plain layers after the pooling",
    "num_fc_layers": "plain layers after the pooling",
    "pooling": "which atoms the energy is read from: the mean over all, the adsorbate's, the surface's",
    "optimizer": "Adam, AdamW or stochastic gradient descent",
    "lr": "learning rate",
    "batch_size": "structures in a step",
    "momentum": "of stochastic gradient descent; of Adam its first beta",
    "weight_decay": "of the optimiser",
    "lr_schedule": "`cosine` falls to 1 % over the study's epochs, `multistep` divides by ten after 60 % and 85 % of them; "
    "or values by epoch, `{lr: [0.01, 0.003]}`",
    "loss": "mean absolute or mean squared error",
    "ema_decay": "above 0 a running average of the weights is evaluated and kept in their place; 0.99 remembers some hundred steps",
    "clip_norm": "above 0 a step's gradient is shortened to this norm where it is longer "
    "([Pascanu and others 2013](https://arxiv.org/abs/1211.5063))",
    "cutoff_angstrom": "radius of the neighbour lists in Å; default: the study's `data.cutoff_angstrom`",
    "max_neighbors": "neighbours of an atom; default: the study's `data.max_neighbors`",
}
"""What each is, for the reference."""

CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "pooling": ("mean", "adsorbate", "surface"),
    "optimizer": ("adam", "adamw", "sgd"),
    "lr_schedule": ("constant", "cosine", "multistep"),
    "loss": ("l1", "mse"),
}
_COUNTS: Final = ("atom_embedding_size", "fc_feat_size", "num_fc_layers", "batch_size", "max_neighbors")
_DATA_PREFIX: Final = "data."


def complete(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with every default filled in.

    ``data.cutoff_angstrom`` and ``data.max_neighbors`` are read as the names without ``data.``; keys that start with an
    underscore belong to the run and are left out. Raises StudyError for an unknown key or an impossible value.
    """
    named = {key.removeprefix(_DATA_PREFIX): value for key, value in config.items() if not key.startswith("_")}
    for key in named:
        if key not in DEFAULTS:
            raise unknown_key(key, DEFAULTS)
    full = {**DEFAULTS, **named}
    for key, value in full.items():
        _check(key, value)
    return full


def unknown_key(key: str, known: Iterable[str]) -> StudyError:
    """The error for a hyperparameter that no model takes."""
    names = list(known)
    near = get_close_matches(key, names, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return StudyError(
        f"no hyperparameter is called '{key}'",
        why=f"{hint}known: {', '.join(names)}",
        fix="correct the name, or remove it from the space",
    )


def _check(key: str, value: Any) -> None:
    """Refuse a value that the models cannot use."""
    problem = None
    if key in ("cutoff_angstrom", "max_neighbors") and value is None:
        return
    if key == "lr_schedule" and isinstance(value, Mapping):
        problem = _schedule_problem(value)
    elif key in CHOICES:
        if value not in CHOICES[key]:
            problem = f"known are: {', '.join(CHOICES[key])}"
    elif key in _COUNTS or key == "num_graph_conv_layers":
        low = 0 if key == "num_graph_conv_layers" else 1
        if not isinstance(value, int) or isinstance(value, bool) or value < low:
            problem = f"it is a whole number of {low} or more"
    elif not isinstance(value, (int, float)) or isinstance(value, bool):
        problem = "it is a number"
    elif key in ("lr", "cutoff_angstrom") and not value > 0:
        problem = "it lies above zero"
    elif key in ("momentum", "ema_decay") and not 0 <= value < 1:
        problem = "it lies in [0, 1)"
    elif key in ("weight_decay", "clip_norm") and not value >= 0:
        problem = "it is zero or more"
    if problem:
        raise StudyError(f"{key} = {value!r} is not possible", why=problem, fix=f"correct '{key}'")


def _schedule_problem(schedule: Mapping[str, Any]) -> str | None:
    """A schedule by epoch: ``{lr: [0.01, 0.01, 0.003], batch_size: [64, 64, 128]}``, the last value holds on."""
    for key, values in schedule.items():
        if key not in ALGORITHM_KEYS or key == "lr_schedule":
            return (
                f"a schedule cannot set '{key}'; it can: {', '.join(k for k in ALGORITHM_KEYS if k != 'lr_schedule')}"
            )
        if not isinstance(values, (list, tuple)) or not values:
            return f"a schedule lists one value of '{key}' per epoch"
        for value in values:
            _check(key, value)
    return None if schedule else "the schedule is empty"


def at_epoch(config: Mapping[str, Any], epoch: int, epochs: int) -> dict[str, Any]:
    """The algorithm's hyperparameters in force during an epoch (from 1), of a complete configuration.

    A pure function: a schedule needs no state, so a resumed or an exploited trial follows it without any.
    ``multistep`` divides the rate by ten after 60 % and 85 % of the epochs; ``cosine`` falls to 1 % of it.
    """
    now = {key: config[key] for key in ALGORITHM_KEYS if key != "lr_schedule"}
    schedule, done = config["lr_schedule"], (epoch - 1) / max(epochs, 1)
    if isinstance(schedule, Mapping):
        now.update({key: values[min(epoch, len(values)) - 1] for key, values in schedule.items()})
    elif schedule == "cosine":
        now["lr"] *= 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
    elif schedule == "multistep":
        now["lr"] *= 0.1 ** ((done >= 0.6) + (done >= 0.85))
    return now
