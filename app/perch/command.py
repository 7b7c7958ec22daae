"""A training program as a trainable: the ``trainable:`` mapping of a study file. What a preset leaves out can be said by hand."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from perch.fields import Model, Seconds

OUTPUT: Final = "{output}"
"""In ``metrics.files``: what the program prints."""

PLACEHOLDERS: Final[dict[str, str]] = {
    "config": "the configuration file of this trial",
    "config_dir": "the folder it lies in",
    "config_name": "its name without the suffix",
    "trial_dir": "the folder that the program runs in",
    "checkpoint": "the checkpoint to go on from; only in resume",
    "seed": "a seed, another one for every trial and every confirmation",
    "cpus": "processor cores of the trial",
    "gpus": "GPUs of the trial",
    "epochs": "most that the trial may train",
}
"""What a word in braces stands for in a command, an environment variable or an overwritten value."""

RESERVED: Final = frozenset({
    "trial_id", "segment", "epoch", "time_s", "value", "attempt", "phase", "config", "parent_trial_id", "parent_segment",
    "parent_epoch", "device", "done", "training_iteration", "timestamp", "pid", "hostname", "node_ip", "date",
    "should_checkpoint", "checkpoint_dir_name", "iterations_since_restore", "episodes_total", "timesteps_total",
    "timesteps_since_restore", "read_again",
})  # fmt: skip
"""Names that tables or the engine use themselves; a metric of that name would be lost."""


def reserved(name: str) -> bool:
    """True for a name that no metric may have."""
    return name in RESERVED or name.startswith(("time_", "config/"))


def _within(patterns: str) -> str:
    """Patterns of files in a trial's folder, as they are. Raises ValueError for one that leads out of it, or is none."""
    if not patterns.strip():
        raise ValueError("the pattern of files is empty")
    for pattern in patterns.split():
        if pattern.startswith("/") or ".." in pattern.split("/"):
            raise ValueError("the files must lie in the trial's folder, else two trials would write the same one")
        if any("**" in part and part != "**" for part in pattern.split("/")):
            raise ValueError("'**' stands for folders and must stand alone between slashes: **/*.csv")
    return patterns


def _word(value: Any) -> Any:
    """A number among a command's words, as it is written: YAML reads ``--batch, 16`` as one."""
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


Word = Annotated[str, BeforeValidator(_word)]
"""A word of a command; a number is taken for its text."""


class Key(Model):
    """Where a metric is found in a row, and what it is multiplied by."""

    key: str = Field(description="name of the column, JSON key or group of the pattern")
    factor: float = Field(
        1.0, description="from the program's unit to the one in the metric's name: 0.001 for meV to eV"
    )


class Metrics(Model):
    """Where the program leaves its numbers, a row per epoch (or several, which are merged by epoch)."""

    files: str = Field(OUTPUT, description="pattern of files in the trial's folder; {output}: what the program prints")
    format: Literal["jsonl", "csv", "regex"] = Field(
        "regex", description="JSON lines, CSV with a header, or lines that a pattern finds"
    )
    pattern: str | None = Field(
        None, description="for regex: named groups, 'epoch (?P<epoch>\\d+) loss (?P<loss>\\S+)'"
    )
    where: dict[str, str | int | float | bool] = Field(default_factory=dict, description="only rows with these values")
    epoch: str | None = Field("epoch", description="which key is the epoch; null: a row is an epoch")
    first_epoch: int | None = Field(
        None, ge=0, le=1, description="the program's first epoch is 0 or 1; null: seen from the first row"
    )

    @model_validator(mode="after")
    def _complete(self) -> Metrics:
        if self.format == "regex":
            if self.pattern is None:
                raise ValueError("format regex needs a pattern with named groups")
            try:
                groups = re.compile(self.pattern).groupindex
            except re.error as error:
                raise ValueError(f"the pattern is not a regular expression: {error}") from error
            if not groups:
                raise ValueError("the pattern has no named group: write (?P<loss>\\S+), say")
            if self.epoch is not None and self.epoch not in groups:
                raise ValueError(
                    f"the pattern has no group '{self.epoch}' for the epoch; its groups: {', '.join(groups)}"
                )
        elif self.files == OUTPUT and self.format == "csv":
            raise ValueError("CSV is read from files: name them, results/*.csv, say")
        _within(self.files)
        return self


class Checkpoint(Model):
    """Files from which the program can go on."""

    files: str = Field(description="pattern of checkpoint files in the trial's folder; several, separated by blanks")
    valid: Literal["zip", "any"] = Field(
        "zip", description="when a file is whole: a complete zip archive (torch's), or any that no longer grows"
    )
    epoch: str | None = Field(
        None, description="pattern with one group: the epoch in the file's name, counted as in the metrics"
    )
    keep: int = Field(2, ge=1, description="how many numbered ones stay while the trial trains")

    _files = field_validator("files")(_within)

    @field_validator("epoch")
    @classmethod
    def _pattern(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                groups = re.compile(value).groups
            except re.error as error:
                raise ValueError(f"it is not a regular expression: {error}") from error
            if groups != 1:
                raise ValueError(f"the pattern needs one group around the epoch's digits, it has {groups}")
        return value


class Resume(Model):
    """How the program is started to go on from a checkpoint."""

    command: list[Word] | None = Field(None, description="the command; default: the same as for a start")
    arguments: list[Word] = Field(default_factory=list, description="words added to the command")
    overwrite: dict[str, Any] = Field(default_factory=dict, description="keys of the configuration file set for it")


class Command(Model):
    """A training program, run as it is in an environment of its own."""

    command: list[Word] | str | None = Field(
        None, description="the program and its arguments, as a list; a text is run by a shell"
    )
    preset: str | None = Field(None, description="a known program, which fills in the rest: mace, sevenn, nequip, …")
    template: str | None = Field(None, description="your configuration file that trains: YAML, JSON or TOML")
    template_text: str | None = Field(None, description="written by a run: the file as the run began")
    config: str | None = Field(None, description="name of each trial's own configuration file in its folder")
    set: dict[str, str | list[str]] = Field(
        default_factory=dict, description="hyperparameter: dotted key or keys that it sets, where the names differ"
    )
    overwrite: dict[str, Any] = Field(
        default_factory=dict, description="dotted keys set in every trial; placeholders allowed"
    )
    add: list[str] = Field(default_factory=list, description="dotted keys that may be added to the template")
    paths: list[str] = Field(
        default_factory=list,
        description="dotted keys of paths, made absolute from the template's folder; files that exist are found without",
    )
    logs: list[str] = Field(
        default_factory=list, description="patterns of the program's own logs, whose last lines a failure shows"
    )
    metrics: Metrics | None = Field(None, description="where the program leaves its numbers")
    keys: dict[str, str | Key] = Field(
        default_factory=dict, description="metric: its key, or {key, factor}; none: every number, under its own name"
    )
    checkpoint: Checkpoint | None = Field(None, description="files from which the program can go on")
    resume: Literal["none", "same"] | Resume | None = Field(
        None, description="none, same (the same command in the same folder), or {arguments, overwrite, command}"
    )
    changeable: list[str] | None = Field(
        None, description="hyperparameters that a resumed program takes over; what pbt may change"
    )
    environment: dict[str, Word] = Field(
        default_factory=dict, description="environment variables; placeholders allowed"
    )
    startup: Seconds = Field(600.0, description="how long the program may take until its first epoch is reported")
    silence: Seconds | None = Field(None, description="how long it may take from one epoch to the next")
    grace: Seconds | None = Field(None, description="seconds between TERM and KILL; default 10")
    bound: float = Field(1e6, gt=0, description="a metric of a larger magnitude counts as diverged")
    keep: list[str] = Field(
        default_factory=list,
        description="patterns of files of the winner that go to best/ with its configuration, log and checkpoint",
    )

    @field_validator("logs", "keep")
    @classmethod
    def _patterns(cls, value: list[str]) -> list[str]:
        return [_within(pattern) for pattern in value]

    @field_validator("keys")
    @classmethod
    def _names(cls, value: dict[str, str | Key]) -> dict[str, str | Key]:
        for name in value:
            if reserved(name):
                raise ValueError(f"'{name}' is a name that tables use themselves; name the metric otherwise")
        return value

    @model_validator(mode="after")
    def _complete(self) -> Command:
        if self.preset is None:
            if self.command is None:
                raise ValueError('say what to run: command: [program, --config, "{config}"], or a preset')
            if self.metrics is None:
                raise ValueError("say where the program leaves its numbers: metrics: {format, files, pattern}")
        if self.command is not None and not self.command:
            raise ValueError("the command is empty")
        if self.can_resume and self.preset is None:
            if self.checkpoint is None:
                raise ValueError("resume needs checkpoint: {files: …}")
            if self.metrics is not None and self.metrics.epoch is None:
                raise ValueError("resume needs the epoch in the metrics (metrics.epoch): it proves that a resume took")
        return self

    @property
    def can_resume(self) -> bool:
        """True when the program can go on from a checkpoint."""
        return self.resume is not None and self.resume != "none"

    @property
    def words(self) -> list[str]:
        """The command as words; a text becomes a shell's argument."""
        if self.command is None:
            return []
        return ["/bin/sh", "-c", self.command] if isinstance(self.command, str) else list(self.command)

    def metric_keys(self) -> dict[str, Key]:
        """Metric → where it is found."""
        return {name: key if isinstance(key, Key) else Key(key=key) for name, key in self.keys.items()}
