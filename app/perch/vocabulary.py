"""Names that cross a boundary (log, tables, trainables), each written once, with its unit."""

from __future__ import annotations

from typing import Final

EPOCH: Final = "epoch"
"""Epochs that a trial has trained, from 1; what schedulers call the resource."""

TRAIN_MAE_EV: Final = "train_mae_ev"
TRAINING_LOSSES: Final = (TRAIN_MAE_EV, "training_loss", "train_loss")
"""Names under which a trainable may report what it minimises on its training set; the first that it reports counts."""
VALIDATION_MAE_EV: Final = "validation_mae_ev"
"""Mean absolute error on the validation set in eV: what a run minimises by default."""
TEST_MAE_EV: Final = "test_mae_ev"
"""Mean absolute error on the test set in eV: recorded, and never used to choose."""
LEARNING_RATE: Final = "lr"
"""Learning rate in force during the epoch."""
LR_SCHEDULE: Final = "lr_schedule"
"""Key of a configuration: a schedule's name, or values by epoch for each key that has one."""
EPOCH_S: Final = "epoch_s"
"""Seconds that the epoch took, evaluation included."""
READ_AGAIN: Final = "read_again"
"""In a result: its numbers were read from what an earlier placement had left, and nothing was trained for it."""
TRAINING_S: Final = "training_s"
EVALUATING_S: Final = "evaluating_s"
PEAK_MEMORY_BYTES: Final = "peak_memory_bytes"
DEVICE: Final = "device"

ACTIVITIES: Final = ("training", "evaluating", "starting", "checkpointing", "redone", "suggesting", "idle")
"""Where a worker's seconds go; the rows of ``overheads.parquet``. Redone: epochs trained again, or cut off, by interruptions."""

COLLAPSED_SHARE: Final = 0.98
"""A trial that never falls below this share of the mean predictor's error is called collapsed."""

GIVEN: Final = "_perch"
"""The key under which a trial's configuration holds what the run says of it, besides the hyperparameters."""

NO_GPUS: Final = {"CUDA_VISIBLE_DEVICES": "", "HIP_VISIBLE_DEVICES": ""}
"""The environment of a process that is to see no GPU, whatever the machine has."""

ON_REQUEST: Final = "on_request"
"""The failure class of a trial that somebody has stopped by hand: no fault, of the trial or of a machine."""
ENDED: Final = "ended"
"""The failure class of a trainable that has ended by itself before the last epoch: no fault either."""
INFEASIBLE: Final = "infeasible"
"""The failure, and the status, of a configuration that was not started since it is predicted not to fit the device."""
STATUS_OF: Final = {"diverged": "diverged", ENDED: "completed", ON_REQUEST: "stopped", INFEASIBLE: INFEASIBLE}
"""What an ``error`` event makes of its trial, by its failure class; every other class: failed."""
REQUEST: Final = "request"
"""Who suggested a configuration that somebody has added by hand."""

OUT_OF_MEMORY: Final = "out_of_memory"
DIVERGED: Final = "diverged"
DATA: Final = "data"
CODE: Final = "code"
"""Classes of failures that are a trial's own; ``code`` is whatever no other class names."""
GPU: Final = "gpu"
STORAGE: Final = "storage"
NETWORK: Final = "network"
LOST: Final = "lost"
"""Classes of failures that are the machine's: a device, a file system, a network, a worker or its node."""
FAILURES: Final = (OUT_OF_MEMORY, DIVERGED, DATA, CODE, GPU, STORAGE, NETWORK, LOST)
MACHINE_FAILURES: Final = (GPU, STORAGE, NETWORK, LOST)
