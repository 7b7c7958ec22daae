"""Graph networks, one file each, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from perch.errors import StudyError
from perch.registry import Registry

if TYPE_CHECKING:
    from torch import nn


class ModelMaker(Protocol):
    """Makes a network that maps a ``Batch`` to one number per graph."""

    def __call__(self, config: Mapping[str, Any], *, atom_features: int, bond_features: int) -> nn.Module:
        """Build with a complete configuration, for so many numbers per atom and per bond."""
        ...


MODELS: Registry[ModelMaker] = Registry("trainable", "perch.model", StudyError)
"""Adding a model is adding one file here that calls ``MODELS.register``."""
