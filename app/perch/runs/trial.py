"""What a trial runs: the trainable, and what it is given besides its hyperparameters."""

from __future__ import annotations

from typing import Any

from perch.campaign.placement import Placement
from perch.command import Command
from perch.log.state import SEARCH
from perch.programs.config.configure import seed_of
from perch.runs.attempt import Attempt
from perch.runs.own_config import own_config
from perch.runs.trainable import foreign_trainable, saves_when_asked
from perch.training.keeping import WHAT_THE_RUN_SAYS, keeping


def trainable(attempt: Attempt) -> Any:
    """What Tune runs: Perch's own trainable, or the study's."""
    if attempt.study.trainable_is_ours:
        from perch.training.trainable import GraphTrainable

        return GraphTrainable
    if attempt.study.program is not None:
        from perch.programs.trainable import ProgramTrainable

        return ProgramTrainable
    found = foreign_trainable(attempt.study)
    return keeping(found) if _keeps(attempt) else found


def keeps_weights(attempt: Attempt) -> bool:
    """True where the trials of the search keep the weights of leading epochs in the run's folder of weights."""
    study = attempt.study
    return study.trainable_is_ours or (study.program is None and _keeps(attempt))


def _keeps(attempt: Attempt) -> bool:
    """True for a class of the study's own that can save: weights of the best epoch are kept."""
    return isinstance(foreign_trainable(attempt.study), type) and saves_when_asked(attempt.study)


def extra_config(attempt: Attempt, placement: Placement, resources: dict[str, float]) -> dict[str, Any]:
    """What a trial of ours, or a program's, is given with its hyperparameters; a foreign trainable sees these alone."""
    study = attempt.study
    if study.program is not None:
        return {"_perch": _of_program(attempt, study.program, placement, resources)}
    if not study.trainable_is_ours:
        said = {
            "trial": placement.trial, "weights": str(attempt.folder.weights), "keep_below": placement.keep_below,
            "metric": study.metric, "mode": study.mode,
            "spares": attempt.campaign.state.phase_of(placement.trial) == SEARCH,
        }  # fmt: skip
        own = own_config(placement.config, seed=seed_of(study.seed, placement.seed_key), epochs=study.epochs)
        return {**own, **({WHAT_THE_RUN_SAYS: said} if _keeps(attempt) else {})}
    return {
        "_perch": {
            "study": study.model_dump(mode="json", by_alias=True),
            "base": study.base,
            "cache": str(attempt.cache),
            "files": attempt.prepared.files if attempt.prepared is not None else "",
            "trial": placement.trial,
            "segment": placement.segment,
            "seed": study.seed,
            "epochs": study.epochs,
            "threads": max(int(resources["cpu"]), 1),
            "gpus": resources.get("gpu", 0.0),
            "key": placement.seed_key,
            "weights": str(attempt.folder.weights),
            "keep_below": placement.keep_below,
            "spares": attempt.campaign.state.phase_of(placement.trial) == SEARCH,
        }
    }


def _of_program(
    attempt: Attempt, program: Command, placement: Placement, resources: dict[str, float]
) -> dict[str, Any]:
    """See ``perch.programs.trainable``."""
    study = attempt.study
    return {
        "program": program.model_dump(mode="json", exclude_unset=True),
        "trial": placement.trial,
        "segment": placement.segment,
        "seed": study.seed,
        "key": placement.seed_key,
        "epochs": study.epochs,
        "cpus": resources["cpu"],
        "gpus": resources.get("gpu", 0.0),
        "folder": str(attempt.folder.program_trials),
        "metric": study.metric,
        "mode": study.mode,
        "keep_below": placement.keep_below,
    }
