"""Programs built on Lightning that write ``metrics.csv`` (its CSVLogger): SchNetPack and most others.

What differs from program to program is said in the study: the command, the template, and the metric, which is the
program's own column name, ``val_forces_rmse``, say.
"""

from __future__ import annotations

from perch.command import Command
from perch.programs.preset import Preset
from perch.programs.presets import PRESETS

PRESETS.register(
    "lightning-csv",
    Preset(
        name="lightning-csv",
        title="a program on Lightning with its CSVLogger",
        version="lightning 2.6.6",
        metric=None,
        epochs_key="trainer.max_epochs",
        defaults=Command.model_validate(
            {
                "preset": "lightning-csv",
                "command": ["python", "train.py", "--config", "{config}"],
                "overwrite": {},
                "metrics": {"files": "**/metrics.csv", "format": "csv", "epoch": "epoch", "first_epoch": 0},
                "checkpoint": {"files": "**/last*.ckpt", "valid": "zip"},
                "resume": "none",
                "changeable": [],
                "grace": 1.0,
            }
        ),
        space=(),
        traps=(
            "Columns keep the program's own units: SchNetPack's val_energy_rmse is in eV per structure, not per atom.",
            "SchNetPack adds rows of the test set under the epoch after the last; they hold no validation metric and do not count.",
            "TERM ends with exit code 0 after several seconds.",
        ),
    ),
)
