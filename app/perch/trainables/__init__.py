"""What a study trains: a network of Perch, a training program, or the study's own class or function; a file for each kind."""

from __future__ import annotations

from perch.study import Study
from perch.trainables.kind import Data, Kind
from perch.trainables.network import Network
from perch.trainables.own import Own
from perch.trainables.program import Program


def kind_of(study: Study) -> Kind:
    """What the study trains, of its kind."""
    if study.program is not None:
        return Program(study, study.program)
    return Network(study) if study.trainable_is_ours else Own(study)


__all__ = ["Data", "Kind", "kind_of"]
