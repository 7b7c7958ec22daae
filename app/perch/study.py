"""The study file: what is tuned, on which data, over which space, with which budget. Nothing heavy is imported here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from perch import yaml12
from perch.command import Command
from perch.errors import StudyError, did_you_mean
from perch.fields import Bytes, Model, Seconds
from perch.home import expanded
from perch.space import Space, parse_space

_ORIGIN: ContextVar[str] = ContextVar("origin", default="the study")
"""What an error calls the study that is being checked: its file."""
_UNION_BRANCH = re.compile(
    r"(function-.*|list\[.*|dict\[.*|literal\[.*|constrained-float|Points|Command|Key|Resume|Metrics|str)$"
)
"""Names that pydantic puts into a location for the branch of a union: no key of a study file."""


class SplitSpec(Model):
    """How structures are divided. ``group`` names what may never lie on both sides of a split."""

    train: float = Field(0.7, gt=0, lt=1, description="share of the structures (of the groups) to train on")
    validation: float = Field(0.15, gt=0, lt=1, description="share that decides between configurations")
    test: float = Field(0.15, ge=0, lt=1, description="share that is recorded and never used to choose")
    seed: int = Field(0, ge=0, description="seed of the division; independent of the study's seed")
    group: str = Field(
        "auto", description="auto (the clean slab), none (every structure alone), formula, or a key of the data"
    )
    folds: int | None = Field(None, ge=2, description="k folds: one trial trains all, its metric is their mean")
    files: dict[Literal["train", "validation", "test"], str] | None = Field(
        None, description="files of ids, one per line"
    )
    tests: dict[str, str] = Field(default_factory=dict, description="further named test sets: files of ids")

    @model_validator(mode="after")
    def _adds_up(self) -> SplitSpec:
        total = self.train + self.validation + self.test
        if self.files is None and abs(total - 1) > 1e-6:
            raise ValueError(f"the shares train + validation + test add up to {total:.3g}, not to 1")
        return self


class AdsorbateSpec(Model):
    """Which atoms are the adsorbate: exactly one of the three, never guessed."""

    tags: Literal["ase", "ocp", "gaspy"] | None = Field(None, description="convention of the structures' tags")
    symbols: list[str] | None = Field(None, description="every atom of these elements is adsorbate")
    indices: str | None = Field(None, description="key that holds the indices of the adsorbate's atoms")

    @model_validator(mode="after")
    def _one(self) -> AdsorbateSpec:
        if sum(v is not None for v in (self.tags, self.symbols, self.indices)) != 1:
            raise ValueError("give exactly one of tags, symbols, indices")
        return self


class DataSpec(Model):
    """Where structures and targets come from, and how they become graphs."""

    source: str = Field("adsorption", description="a registered source: adsorption, toy, ase-db, extxyz, cif, …")
    path: str | None = Field(None, description="file, folder or https address; relative to the study file")
    checksum: str | None = Field(None, description="sha256:… of what an address delivers")
    select: str | None = Field(None, description="ASE's selection syntax, for databases")
    target: str | None = Field(None, description="a key, or an expression over keys, in eV")
    geometry: Literal["relaxed", "initial"] = Field("relaxed", description="which positions the graphs are made of")
    adsorbate: AdsorbateSpec | None = Field(None, description="which atoms are the adsorbate")
    cutoff_angstrom: float = Field(6.0, gt=0, le=30, description="neighbours lie within this radius")
    max_neighbors: int = Field(12, ge=1, le=200, description="nearest neighbours kept; the last shell is kept whole")
    atom_features: str | None = Field(None, description="the user's own atom_init.json")
    split: SplitSpec = Field(default_factory=SplitSpec)


class Budget(Model):
    """When a run ends: at a number of trials, after consumed seconds, or at whichever comes first."""

    trials: int | None = Field(None, ge=1, description="number of trials")
    time: Seconds | None = Field(None, description="consumed time: seconds, or 10m, 8h, 2d")

    @model_validator(mode="after")
    def _some(self) -> Budget:
        if self.trials is None and self.time is None:
            raise ValueError("give trials, time or both")
        return self


SMALLEST_RACE = 2
"""Trainings of the smallest race: the starting point and the most promising other configuration, once each. It is always
held, also where the share does not pay for it."""


class Confirm(Model):
    """After the search: the most promising configurations and the starting point are trained anew with fresh seeds.

    With a ``share`` it is a race: ``top`` and ``seeds`` are the most that it takes. Where only ``top`` or ``seeds`` are
    given there is no share: ``top`` configurations and the starting point are trained with ``seeds`` seeds each.
    """

    top: int = Field(
        5, ge=0, description="how many configurations at most, besides the starting point; 0 switches it off"
    )
    seeds: int = Field(5, ge=1, description="fresh seeds for each, at most")
    share: float | None = Field(
        0.25,
        gt=0,
        le=10,
        description="the most that it may take, as a share of the search: of budget.time, else of its epochs; "
        "null (and where top or seeds stand alone): every configuration gets all its seeds",
    )

    @model_validator(mode="before")
    @classmethod
    def _without_a_share(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and "share" not in given and {"top", "seeds"} & given.keys():
            return {"top": 5, "seeds": 3, **given, "share": None}
        return given


class Resources(Model):
    """What one trial gets."""

    cpus: float = Field(1, gt=0, description="processor cores of one trial")
    gpus: Annotated[float, Field(ge=0)] | Literal["auto"] | None = Field(
        None,
        description="GPUs of one trial (0.25: four share one; 0: they are hidden from it; auto: as many share one as fit and pay); "
        "default: 1 where there are any",
    )
    gpu_memory: Bytes | None = Field(
        None,
        description="memory of a GPU (16GB): configurations predicted not to fit a trial's share of it are not started; "
        "default: that of this machine's GPU, where it has one",
    )
    tf32: bool = Field(
        True, description="on GPUs that can, float32 matrices are multiplied in TF32; Perch's own models"
    )

    @property
    def gpus_each(self) -> float | None:
        """GPUs of one trial, where the study says a number."""
        return None if self.gpus == "auto" else self.gpus


class Insure(Model):
    """Checkpoints that strategies need, and insurance against interruptions."""

    insure: Annotated[Seconds | Literal["off"], BeforeValidator(lambda v: "off" if v is False else v)] = Field(
        description="the longest that a trial trains unsaved (10m), or off: only what a strategy needs is saved"
    )


class Points(Model):
    """The best configurations of an earlier run."""

    run: str = Field(alias="from", description="an earlier run's folder")
    top: int = Field(5, ge=1)


class Study(Model):
    """What is tuned, on which data, over which space, within which budget: a study file, every default filled in.

    Keys that are left out have their defaults. Everything that can be checked without data is checked at once, in the words of
    the command line; ``StudyError`` says what, why and what to do. ``Study.load`` reads a file.

    Example:
        >>> from perch import Study
        >>> study = Study(name="mine", space={"lr": {"float": [1e-4, 1e-1], "log": True}}, budget={"trials": 20})
        >>> study.epochs
        81
        >>> Study(space={"lr": {"float": [0.1, 0.001]}})
        Traceback (most recent call last):
        perch.errors.StudyError: space.lr: the range [0.1, 0.001] is inverted
        why: the first bound must lie below the second
        fix: swap them: did you mean {float: [0.001, 0.1]}?
    """

    model_config = ConfigDict(json_schema_extra={"description": "A study file, every default filled in."})

    name: str = Field("adsorption", pattern=r"^[^/\\\x00\n]{1,80}$", description="name of the study and of its runs")
    data: DataSpec = Field(default_factory=DataSpec)
    trainable: str | Command = Field(
        "cgcnn", description="a registered model, my_module:MyTrainable, or a program: {command: …, metrics: …}"
    )
    space: dict[str, Any] | str = Field("default", description="the search space, or the name of a shipped one")
    seed: int = Field(0, ge=0, lt=2**63, description="all randomness of a run comes from it")
    points: list[dict[str, Any]] | Points = Field(default_factory=list, description="configurations to evaluate first")
    history: str | None = Field(None, description="a run whose results a searcher is told")
    strategy: str | dict[str, Any] = Field("asha", description="a strategy's name, or {name: …, settings}")
    metric: str = Field("validation_mae_ev", description="what a trial is judged by")
    mode: Literal["min", "max"] = Field("min", description="whether less or more of it is better")
    epochs: int = Field(81, ge=1, description="most that one trial may train")
    budget: Budget = Field(default_factory=lambda: Budget(trials=60))
    confirm: Confirm = Field(default_factory=Confirm)
    max_failed_trials: int = Field(10, ge=1, description="failed trials in a row that end a hopeless run")
    checkpoints: Literal["needed", "all", "none"] | Insure = Field(
        "needed",
        description="which epochs leave a checkpoint: needed (by the strategy, and as insurance), all, none, or {insure: 10m}",
    )
    epoch_limit: Seconds | None = Field(
        None,
        description="an epoch that takes longer ends its trial as hung; default: 20 times the median, 10m at least",
    )
    optimizer: str = Field("adam", description="adam, adamw or sgd; may be searched")
    resources: Resources = Field(default_factory=Resources)
    storage: str = Field("./results", description="the folder that holds runs; every node must see it")
    log: list[Literal["tensorboard", "wandb"]] = Field(
        ["tensorboard"], description="tensorboard, wandb, or nothing: then tables and the page alone"
    )
    base: str = Field(".", description="folder that relative paths start from: where the study file lies")
    versions: dict[str, str] = Field(default_factory=dict, description="written by a run: what it ran with")

    def __init__(self, **settings: Any) -> None:
        """Check everything that can be checked without data, as for a file. Raises StudyError."""
        try:
            super().__init__(**settings)
        except ValidationError as error:
            raise _explain(error, _ORIGIN.get()) from error

    @model_validator(mode="after")
    def _space_and_points(self) -> Study:
        space = self.search_space
        for point in self.points if isinstance(self.points, list) else []:
            for problem in space.problems(point):
                raise StudyError(
                    f"{_ORIGIN.get()}: a point lies outside the space", why=problem, fix="correct or remove it"
                )
        return self

    @classmethod
    def load(cls, path: str | Path | None = None, overrides: Sequence[str] = ()) -> Study:
        """Read a study file; see ``perch.study.load``."""
        return load(path, overrides)

    @property
    def search_space(self) -> Space:
        """The space with the study's fixed settings in it."""
        spec = self.space if isinstance(self.space, dict) else _shipped_space(self.space)
        space = parse_space(spec, name=self.space if isinstance(self.space, str) else "")
        if self.trainable_is_ours and "optimizer" not in spec:
            space = parse_space({**spec, "optimizer": self.optimizer}, name=space.name)
        return space

    @property
    def trainable_is_ours(self) -> bool:
        """True for a model of Perch, False for ``module:Class`` and for a program."""
        return isinstance(self.trainable, str) and ":" not in self.trainable

    @property
    def program(self) -> Command | None:
        """The program that is tuned; None for a model of Perch or a Python trainable."""
        return self.trainable if isinstance(self.trainable, Command) else None

    @property
    def trainable_name(self) -> str:
        """The trainable in a word or two, for people."""
        program = self.program
        if program is None:
            return str(self.trainable)
        return program.preset or " ".join(program.words)

    @property
    def strategy_name(self) -> str:
        """The strategy's name without its settings."""
        return self.strategy if isinstance(self.strategy, str) else str(self.strategy.get("name", ""))

    def path(self, relative: str) -> Path:
        """A path of the study file, seen from the folder it lies in."""
        return (Path(self.base) / expanded(relative)).absolute()


def load(path: str | Path | None = None, overrides: Sequence[str] = ()) -> Study:
    """Read a study file (None: the embedded study), with ``PATH=VALUE`` overrides applied.

    Raises StudyError with what, why and what to do; malformed YAML is reported with line and column.
    """
    if path is None:
        text, origin, base = _shipped("embedded.yaml"), "the embedded study", Path.cwd()
    else:
        file = Path(path)
        if not file.is_file():
            why = "it is a folder" if file.is_dir() else "no such file"
            raise StudyError(f"cannot read the study '{path}'", why=why, fix="give the path of a study file (YAML)")
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise StudyError(
                f"cannot read the study '{path}'", why=str(error), fix="make it readable, in UTF-8"
            ) from error
        origin, base = f"'{path}'", file.absolute().parent
    spec = read_yaml(text, origin)
    for override in overrides:
        _override(spec, override)
    spec.setdefault("base", str(base))
    return parse(spec, origin)


def parse(spec: Mapping[str, Any], origin: str = "the study") -> Study:
    """Check a study given as a mapping."""
    for key in spec:
        if not isinstance(key, str):
            raise StudyError(f"{origin}: the key {key!r} is no text", why=f"{did_you_mean(str(key), _known_keys([]))}",
                             fix="correct the name, or remove it")  # fmt: skip
    token = _ORIGIN.set(origin)
    try:
        return Study(**spec)
    finally:
        _ORIGIN.reset(token)


def read_yaml(text: str, origin: str) -> dict[str, Any]:
    """Parse YAML safely into a mapping."""
    try:
        spec = yaml12.load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise StudyError(
            f"{origin} is not YAML{where}", why=error.problem or str(error), fix="correct that line"
        ) from error
    except yaml.YAMLError as error:
        raise StudyError(f"{origin} is not YAML", why=str(error), fix="write it as YAML") from error
    if spec is None:
        return {}
    if not isinstance(spec, dict):
        raise StudyError(
            f"{origin} is not a study", why=f"it holds a {type(spec).__name__}", fix="write 'name: …', 'space: …'"
        )
    return spec


def dump(study: Study) -> str:
    """The study as YAML, every default filled in; what plays no part for a program is left out."""
    left_out = {"data", "optimizer"} if study.program is not None else set()
    return yaml12.dump(study.model_dump(mode="json", by_alias=True, exclude=left_out))


def shipped_spaces() -> list[str]:
    """Names of the spaces that come with Perch."""
    folder = resources.files("perch") / "shipped" / "spaces"
    return sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml"))


def _shipped(name: str) -> str:
    return (resources.files("perch") / "shipped" / name).read_text(encoding="utf-8")


def _shipped_space(name: str) -> dict[str, Any]:
    if name not in shipped_spaces():
        raise StudyError(
            f"no space is called '{name}'", why=did_you_mean(name, shipped_spaces()), fix="name one, or write it out"
        )
    return read_yaml(_shipped(f"spaces/{name}.yaml"), f"space {name}")


def _override(spec: dict[str, Any], override: str) -> None:
    path, separator, text = override.partition("=")
    keys = path.strip().split(".")
    if not separator or not all(keys):
        raise StudyError(
            f"--set {override}: no value", why="it is written PATH=VALUE", fix="write --set budget.trials=20, say"
        )
    node = spec
    for key in keys[:-1]:
        child = node.setdefault(key, {})
        if not isinstance(child, dict):
            raise StudyError(
                f"--set {override}: '{key}' holds a value", why=f"it is {child!r}", fix="set it as a whole"
            )
        node = child
    try:
        node[keys[-1]] = yaml12.load(text)
    except yaml.YAMLError as error:
        raise StudyError(f"--set {override}: cannot read the value", why=str(error), fix="quote it") from error


def _explain(error: ValidationError, origin: str) -> StudyError:
    """The first problem that pydantic found, in Perch's words."""
    problems = error.errors()
    problem = next((p for p in problems if p["type"] != "string_type" or not isinstance(p["input"], dict)), problems[0])
    location = [str(p) for p in problem["loc"]]
    where = ".".join(p for p in location if not _UNION_BRANCH.match(p))
    others = sum(not _alternative(problem["loc"], p["loc"]) for p in problems) - 1
    more = f" (and {others} more)" if others else ""
    if problem["type"] == "extra_forbidden":
        known = _known_keys(location[:-1])
        return StudyError(
            f"{origin}: unknown key '{where}'{more}",
            why=did_you_mean(location[-1], known),
            fix="correct the name, or remove it",
        )
    given = problem.get("input")
    shown = "" if isinstance(given, (dict, BaseModel)) else f", given {given!r}"
    if problem["type"] in ("int_parsing", "float_parsing") and yaml12.looks_numeric(given):
        shown += ", a text: write the number without quotes, 1000, 0.5 or 1e-3"
    return StudyError(
        f"{origin}: {where or 'the study'} is not valid{more}",
        why=problem["msg"].removeprefix("Value error, ") + shown,
        fix=f"correct '{where}'" if where else "correct it",
    )


def _alternative(one: tuple[int | str, ...], other: tuple[int | str, ...]) -> bool:
    """True where two problems are of two forms of one value, of which it needs to have only one."""
    parting = next(((a, b) for a, b in zip(one, other, strict=False) if a != b), None)
    return parting is not None and all(_UNION_BRANCH.match(str(p)) for p in parting)


def _known_keys(location: list[str]) -> list[str]:
    model: type[BaseModel] = Study
    for key in location:
        field = model.model_fields.get(key)
        if field is None:
            continue
        options = [field.annotation, *getattr(field.annotation, "__args__", ())]
        nested = [o for o in options if isinstance(o, type) and issubclass(o, BaseModel)]
        model = nested[0] if nested else model
    return [f.alias or name for name, f in model.model_fields.items()]
